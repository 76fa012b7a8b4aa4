//go:build !js

package mirror

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/query"
)

// counts is a condition of until.
func counts(want outbox.Counts) func(Status) bool {
	return func(s Status) bool { return s.Outbox == want }
}

// keep appends events of these types, each for itself, and does not wait for the server.
func keep(t *testing.T, s *Stream, types ...string) (last *Appended) {
	t.Helper()
	for _, typ := range types {
		a, err := s.Append(t.Context(), millpond.Input{Type: typ})
		if err != nil {
			t.Fatal(err)
		}
		last = a
	}
	return last
}

// types are the types of a stream's events on the server, but for the system's.
func (f *fakeServer) types(name millpond.Name) (list []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.log(name).events {
		if !strings.HasPrefix(e.Type, millpond.SystemPrefix) {
			list = append(list, e.Type)
		}
	}
	return list
}

// What was appended offline is sent when there is a server: in order, once, by another program too. B15
func TestOfflineAppends(t *testing.T) {
	f := newFakeServer(t)
	f.setDown(true)
	path := filepath.Join(t.TempDir(), "mirror.db")
	const n = 2 * maxSending
	var want []string
	for half := range 2 { // each time another program
		m := open(t, f, Options{Path: path})
		s := stream(t, m, pond)
		for i := range n / 2 {
			want = append(want, fmt.Sprint("offline-", half, "-", i))
		}
		keep(t, s, want[len(want)-n/2:]...)
		until(t, m, counts(outbox.Counts{Pending: len(want)}))
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m := open(t, f, Options{Path: path})
	stream(t, m, pond)
	if rows := number(t, m, "SELECT count(*) FROM outbox WHERE state = 'pending' AND type LIKE 'offline-%'"); rows != n {
		t.Errorf("%d rows can be read", rows)
	}
	f.setDown(false)
	until(t, m, counts(outbox.Counts{}))
	if got := f.types(pond); !slices.Equal(got, want) {
		t.Errorf("the server has %d events: %.200v", len(got), got)
	}
	if rows := number(t, m, "SELECT count(*) FROM events WHERE type LIKE 'offline-%'"); rows != n {
		t.Errorf("%d events came back", rows)
	}
}

// An event is in the outbox or among the events, at every moment that a query sees. B15
func TestPendingOrCommitted(t *testing.T) {
	f := newFakeServer(t)
	m := open(t, f, Options{})
	s := stream(t, m, pond)
	const n = 200
	seen := make(chan int64, 10*n)
	stop := m.Live("SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM events WHERE type = 'frog')", nil, func(r *query.Result, err error) {
		if err != nil {
			t.Error(err)
			return
		}
		seen <- r.Rows[0][0].(int64)
	})
	defer stop()
	last := keep(t, s, slices.Repeat([]string{"frog"}, n)...)
	if _, err := last.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, m, counts(outbox.Counts{}))
	for before := int64(0); before < n; {
		now := next(t, seen)
		if now < before {
			t.Fatalf("%d events were to be seen, and then %d", before, now)
		}
		before = now
	}
}

// A stream that nobody follows confirms by the server's answer alone, also when that was lost. B15
func TestAppendsOfAClosedStream(t *testing.T) {
	f := newFakeServer(t)
	f.setDown(true)
	m := open(t, f, Options{})
	s := stream(t, m, pond)
	keep(t, s, "a", "b")
	s.Close()
	f.setDown(false)
	until(t, m, counts(outbox.Counts{}))
	if got := f.types(pond); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the server has %v", got)
	}
}

// An append that the server has, and whose events have not come back when the stream is closed, waits for nothing any more. B15
func TestStreamClosedBeforeEventsComeBack(t *testing.T) {
	f := newFakeServer(t)
	f.onAppend = func(c *fakeConn, a *millpond.Append) bool {
		clear(c.subs) // nothing comes back
		f.answer(c, a)
		return true
	}
	m := open(t, f, Options{})
	s := stream(t, m, pond)
	until(t, m, caughtUp(pond, 2))
	if _, err := commit(t.Context(), s, millpond.Input{Type: "frog"}); err != nil {
		t.Fatal(err)
	}
	until(t, m, counts(outbox.Counts{Pending: 1}))
	s.Close()
	until(t, m, counts(outbox.Counts{}))
}

// What was acknowledged, and is not in the log any more when it would come back, because an older backup is the log now, is sent
// again. B4 B15
func TestAcknowledgedAndLost(t *testing.T) {
	for _, diverged := range []bool{false, true} {
		t.Run(fmt.Sprint("diverged ", diverged), func(t *testing.T) {
			f := newFakeServer(t)
			f.onAppend = func(c *fakeConn, a *millpond.Append) bool {
				clear(c.subs) // nothing comes back
				f.answer(c, a)
				return true
			}
			m := open(t, f, Options{})
			s := stream(t, m, pond)
			until(t, m, caughtUp(pond, 2))
			if _, err := commit(t.Context(), s, millpond.Input{Type: "frog"}); err != nil {
				t.Fatal(err)
			}
			f.change(func() {
				f.onAppend = nil
				old := f.log(pond)
				restored := &fakeLog{incarnation: old.incarnation}
				for _, e := range old.events[:2] {
					if diverged {
						e.Metadata = []byte(`{}`)
					}
					restored.append(e)
				}
				f.logs[pond] = restored
			})
			m.Reconnect()
			until(t, m, counts(outbox.Counts{}))
			if got := f.types(pond); !slices.Equal(got, []string{"frog"}) {
				t.Errorf("the server has %v", got)
			}
		})
	}
}

// What was acknowledged before there was a copy is not taken for something that is meant for the next life of the stream: it
// leaves the outbox at once. B4 B15
func TestAcknowledgedWithoutCopy(t *testing.T) {
	f := newFakeServer(t)
	f.corrupt = 1 << 30 // no batch can be applied
	m := open(t, f, Options{})
	s := stream(t, m, pond)
	if _, err := commit(t.Context(), s, millpond.Input{Type: "frog"}); err != nil {
		t.Fatal(err)
	}
	until(t, m, counts(outbox.Counts{}))
}

// What the server refuses is kept with the reason, and holds nothing up; it can be sent again, or dropped. B15
func TestRefusedAppends(t *testing.T) {
	f := newFakeServer(t)
	paused := true
	f.onAppend = func(c *fakeConn, a *millpond.Append) bool {
		refuse := paused && strings.Contains(string(a.Events), "bad")
		if refuse {
			c.send(&millpond.ErrorMessage{Request: a.ID, Code: millpond.StreamPaused, Message: "stream paused: lunch"})
		}
		return refuse
	}
	path := filepath.Join(t.TempDir(), "mirror.db")
	m := open(t, f, Options{Path: path})
	s := stream(t, m, pond)
	first, second := keep(t, s, "bad"), keep(t, s, "bad")
	if _, err := keep(t, s, "good").Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Wait(t.Context()); !errors.Is(err, millpond.StreamPaused) {
		t.Errorf("got %v", err)
	}
	until(t, m, counts(outbox.Counts{Refused: 2}))
	m.Close()

	m = open(t, f, Options{Path: path})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 3))
	if n := number(t, m, "SELECT count(*) FROM outbox WHERE state = 'refused' AND error_message = 'stream paused: lunch'"); n != 2 {
		t.Errorf("%d rows say why", n)
	}
	m.Close()
	m = open(t, f, Options{Path: path}) // again, with nothing that is pending
	stream(t, m, pond)
	f.change(func() { paused = false })
	if err := errors.Join(m.RetryAppend(t.Context(), first.ID), m.DropAppend(t.Context(), second.ID)); err != nil {
		t.Fatal(err)
	}
	until(t, m, counts(outbox.Counts{}))
	if got := f.types(pond); !slices.Equal(got, []string{"good", "bad"}) {
		t.Errorf("the server has %v", got)
	}
	if err := m.DropAppend(t.Context(), second.ID); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("dropped again: %v", err)
	}
}

// What the server has said of an append is written as soon as that can be, also when the storage fails at first. B15 B16
func TestEndingWrittenLater(t *testing.T) {
	f := newFakeServer(t)
	f.onAppend = func(c *fakeConn, a *millpond.Append) bool {
		c.send(&millpond.ErrorMessage{Request: a.ID, Code: millpond.StreamPaused, Message: "stream paused: lunch"})
		return true
	}
	m := open(t, f, Options{})
	s := stream(t, m, pond)
	until(t, m, caughtUp(pond, 2))
	readOnly := func(on bool) {
		m.do(t.Context(), func(l *loop) {
			if err := l.db.conn.Exec(fmt.Sprintf("PRAGMA query_only = %v", on)); err != nil {
				t.Error(err)
			}
		})
	}
	answered := make(chan struct{})
	f.change(func() {
		refuse := f.onAppend
		f.onAppend = func(c *fakeConn, a *millpond.Append) bool {
			<-answered
			return refuse(c, a)
		}
	})
	a := keep(t, s, "frog")
	readOnly(true)
	close(answered)
	if _, err := a.Wait(t.Context()); !errors.Is(err, millpond.StreamPaused) {
		t.Errorf("got %v", err)
	}
	until(t, m, counts(outbox.Counts{Pending: 1}))
	readOnly(false)
	until(t, m, counts(outbox.Counts{Refused: 1}))
}

// What was appended to one life of a stream never gets into another, whether the mirror hears of the reset before or after it has
// sent it. B4 B15
func TestAppendsAcrossReset(t *testing.T) {
	for _, sent := range []bool{false, true} {
		t.Run(fmt.Sprint("sent ", sent), func(t *testing.T) {
			f := newFakeServer(t)
			m := open(t, f, Options{})
			s := stream(t, m, pond)
			until(t, m, caughtUp(pond, 2))
			if sent { // and reset before it is handled
				f.onAppend = func(*fakeConn, *millpond.Append) bool {
					f.onAppend = nil
					delete(f.logs, pond)
					return false
				}
			} else {
				f.setDown(true)
			}
			a := keep(t, s, "frog")
			if !sent {
				f.reset(pond, 0, "")
				f.setDown(false)
			}
			if _, err := a.Wait(t.Context()); !errors.Is(err, millpond.IncarnationConflict) {
				t.Errorf("got %v", err)
			}
			until(t, m, counts(outbox.Counts{Quarantined: 1}))
			m.Reconnect()
			until(t, m, caughtUp(pond, 2))
			if got := f.types(pond); len(got) > 0 {
				t.Errorf("the server has %v", got)
			}
			if err := m.RetryAppend(t.Context(), a.ID); err != nil {
				t.Fatal(err)
			}
			until(t, m, counts(outbox.Counts{}))
			if got := f.types(pond); !slices.Equal(got, []string{"frog"}) {
				t.Errorf("sent again: the server has %v", got)
			}
		})
	}
}

// A database of no use is replaced, and what waits in its outbox goes over: in its place when SQLite can read it, into another
// file as far as it can be read. B15 B16
func TestOutboxOutlivesTheDatabase(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"another version":  func(t *testing.T, path string) { execute(t, path, "PRAGMA user_version = 99") },
		"rows are missing": func(t *testing.T, path string) { execute(t, path, "DELETE FROM event_rows WHERE offset > 900") },
		"damaged events":   spoilTable("event_rows"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeServer(t)
			path := fill(t, f)
			f.setDown(true)
			m := open(t, f, Options{Path: path})
			a := keep(t, stream(t, m, pond), "one", "two")
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			spoil(t, path)

			m = open(t, f, Options{Path: path})
			s := stream(t, m, pond)
			if st := until(t, m, counts(outbox.Counts{Pending: 2})); st.StorageError == nil {
				t.Error("the status says nothing about it")
			}
			if next := keep(t, s, "three"); next.ID <= a.ID {
				t.Errorf("the id %d is used again", next.ID)
			}
			f.setDown(false)
			until(t, m, counts(outbox.Counts{}))
			if got := f.types(pond)[1000:]; !slices.Equal(got, []string{"one", "two", "three"}) {
				t.Errorf("the server has %v", got)
			}
		})
	}
}

// spoilTable damages the root page of a table or index.
func spoilTable(name string) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		m, err := Open(t.Context(), Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		page := number(t, m, "SELECT rootpage FROM sqlite_schema WHERE name = ?", name)
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(slices.Repeat([]byte{0xa5}, 4096), (page-1)*4096); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An append may name another stream: it waits as one of that stream's. S20 B15
func TestAppendToAnotherStream(t *testing.T) {
	f := newFakeServer(t)
	m := open(t, f, Options{})
	s := stream(t, m, pond)
	if _, err := commit(t.Context(), s, millpond.Input{Type: "frog", Stream: "./leaf"}); err != nil {
		t.Fatal(err)
	}
	until(t, m, counts(outbox.Counts{}))
	if got := f.types(millpond.Name{Namespace: pond.Namespace, Path: pond.Path + "/leaf"}); !slices.Equal(got, []string{"frog"}) {
		t.Errorf("the other stream has %v", got)
	}
	_, err := s.Append(t.Context(), millpond.Input{Type: "a", Stream: "./leaf"}, millpond.Input{Type: "b"})
	if !errors.Is(err, millpond.InvalidEvent) {
		t.Errorf("two streams in one append: %v", err)
	}
}
