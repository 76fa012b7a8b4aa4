//go:build !js

package mirror

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/query"
)

// rebuilding is a status in which a new copy of the stream is being built.
func rebuilding(name millpond.Name) func(Status) bool {
	return func(s Status) bool {
		for _, st := range s.Streams {
			if st.Name == name {
				return st.Rebuild != nil && st.Rebuild.Offset > 0
			}
		}
		return false
	}
}

// withhold has the server stop in the middle of a stream that was reset: it sends so many events of it, and no more.
func (f *fakeServer) withhold(events int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold = events
}

// B4: while a stream that was reset is built again, every query sees the old copy, and the status says that it is stale; then all see
// the new one. It goes on where it was after the program was ended in the middle.
func TestRebuildInPlace(t *testing.T) {
	f := newFakeServer(t)
	f.add(pond, 3000, "old")
	file := filepath.Join(t.TempDir(), "mirror.db")
	m := open(t, f, Options{Path: file})
	stream(t, m, pond)
	before := until(t, m, caughtUp(pond, 3002))

	f.withhold(2000)
	f.reset(pond, 4000, "new")
	half := func(s Status) bool { return rebuilding(pond)(s) && s.Streams[0].Rebuild.Offset == 2000 }
	s := until(t, m, half)
	if st := s.Streams[0]; !st.Stale || st.State != Rebuilding || st.Position != before.Streams[0].Position || st.Rebuild.Target != 4002 {
		t.Errorf("status %+v, %+v", st, st.Rebuild)
	}
	see := func(m *Mirror, old, new int64) {
		t.Helper()
		if n := number(t, m, "SELECT count(*) FROM events WHERE type = 'old'"); n != old {
			t.Errorf("%d old events are seen", n)
		}
		if n := number(t, m, "SELECT count(*) FROM log WHERE type = 'new'"); n != new {
			t.Errorf("%d new events are seen", n)
		}
	}
	see(m, 3000, 0)
	m.Close()

	m = open(t, f, Options{Path: file})
	stream(t, m, pond)
	until(t, m, half)
	see(m, 3000, 0)
	if last := await[*millpond.Subscribe](f, 3); *last.After != 2000 {
		t.Errorf("it goes on after %d", *last.After)
	}
	counts := make(chan int64, 100)
	defer m.Live("SELECT count(*) FROM events", nil, func(r *query.Result, err error) {
		if err == nil {
			counts <- cell(t, r)
		}
	})()
	if n := next(t, counts); n != 3002 {
		t.Errorf("a live query sees %d", n)
	}
	f.withhold(0)
	f.add(pond, 1, "new")
	until(t, m, caughtUp(pond, 4003))
	see(m, 0, 4001)
	for n := next(t, counts); n != 4003; n = next(t, counts) {
		if n < 4002 {
			t.Errorf("a live query sees %d", n)
		}
	}
	until(t, m, func(s Status) bool { return !s.Streams[0].Stale && s.Streams[0].Rebuild == nil })
	on(t, m, func(l *loop) error {
		for l.db.replica.Garbage() {
			if err := l.db.replica.Collect(); err != nil {
				return err
			}
		}
		return l.db.replica.CheckIntegrity()
	})
	if n := rowsStored(t, m); n != 4003 {
		t.Errorf("%d rows are kept", n)
	}
}

// rowsStored is how many rows of events there are, seen or not.
func rowsStored(t *testing.T, m *Mirror) int64 {
	t.Helper()
	return number(t, m, "SELECT count(*) FROM event_rows")
}

// The old rows go by and by, by themselves.
func TestOldRowsGo(t *testing.T) {
	f := newFakeServer(t)
	f.add(pond, 5000, "old")
	m := open(t, f, Options{})
	stream(t, m, pond)
	old := until(t, m, caughtUp(pond, 5002)).Streams[0].Incarnation
	f.reset(pond, 10, "new")
	until(t, m, func(s Status) bool { return s.Streams[0].Incarnation != old && caughtUp(pond, 12)(s) })
	for garbage := true; garbage; {
		on(t, m, func(l *loop) error {
			garbage = l.db.replica.Garbage()
			return nil
		})
	}
	if n := rowsStored(t, m); n != 12 {
		t.Errorf("%d rows are kept", n)
	}
}

// B4: an option shows the new copy from its first batch on.
func TestShowRebuild(t *testing.T) {
	f := newFakeServer(t)
	f.add(pond, 3000, "old")
	m := open(t, f, Options{ShowRebuild: true})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 3002))
	f.withhold(500)
	f.reset(pond, 4000, "new")
	until(t, m, func(s Status) bool { return s.Streams[0].Offset == 500 && s.Streams[0].Rebuild == nil })
	if n := number(t, m, "SELECT count(*) FROM events WHERE type = 'old'"); n != 0 {
		t.Errorf("%d old events are seen", n)
	}
}

// B4: the stream is reset again while it is built again.
func TestResetWithinARebuild(t *testing.T) {
	f := newFakeServer(t)
	f.add(pond, 3000, "old")
	m := open(t, f, Options{})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 3002))
	f.withhold(1000)
	f.reset(pond, 4000, "between")
	until(t, m, func(s Status) bool { return rebuilding(pond)(s) && s.Streams[0].Rebuild.Offset == 1000 })
	f.reset(pond, 2000, "new")
	until(t, m, func(s Status) bool { return rebuilding(pond)(s) && s.Streams[0].Rebuild.Target == 2002 })
	if n := number(t, m, "SELECT count(*) FROM events WHERE type = 'old'"); n != 3000 {
		t.Errorf("%d old events are seen", n)
	}
	f.withhold(0)
	f.add(pond, 1, "new")
	until(t, m, caughtUp(pond, 2003))
	if n := number(t, m, "SELECT count(*) FROM events WHERE type = 'new'"); n != 2001 {
		t.Errorf("%d new events are seen", n)
	}
}

// B4 B16: where there is no room for two copies the old one goes first, and the status says so.
func TestNoRoomForTwoCopies(t *testing.T) {
	f := newFakeServer(t)
	f.add(pond, 6000, "old")
	m := open(t, f, Options{})
	stream(t, m, pond)
	old := until(t, m, caughtUp(pond, 6002)).Streams[0].Incarnation
	on(t, m, func(l *loop) error { // room for half as much again
		var pages int64
		stmt, _, err := l.db.conn.Prepare("PRAGMA page_count")
		if err != nil {
			return err
		}
		stmt.Step()
		pages = stmt.ColumnInt64(0)
		stmt.Close()
		return l.db.conn.Exec("PRAGMA max_page_count = " + strconv.FormatInt(pages*3/2, 10))
	})
	f.reset(pond, 6000, "new")
	s := until(t, m, func(s Status) bool { return s.Streams[0].Incarnation != old && caughtUp(pond, 6002)(s) })
	if s.StorageError == nil || s.StorageError.Code != CodeStorageFull {
		t.Errorf("status %+v", s.StorageError)
	}
	if n := number(t, m, "SELECT count(*) FROM events WHERE type = 'new'"); n != 6000 {
		t.Errorf("%d new events are seen", n)
	}
}

// B4 B15: appends for a log that came back shorter are in the outbox until the copy that has them is seen.
func TestAppendsAcrossARebuild(t *testing.T) {
	f := newFakeServer(t)
	f.add(pond, 3000, "old")
	m := open(t, f, Options{})
	s := stream(t, m, pond)
	until(t, m, caughtUp(pond, 3002))
	f.withhold(700)
	f.change(func() { // restored from a backup
		l := f.log(pond)
		l.records, l.hashes, l.events = l.records[:1500], l.hashes[:1500], l.events[:1500]
	})
	m.Reconnect()
	until(t, m, func(s Status) bool { return rebuilding(pond)(s) && s.Streams[0].Rebuild.Offset == 700 })
	a, err := s.Append(t.Context(), millpond.Input{Type: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	if events, err := a.Wait(t.Context()); err != nil || events[0].Offset != 1501 {
		t.Fatal(events, err)
	}
	const both = "SELECT (SELECT count(*) FROM outbox) * 10 + (SELECT count(*) FROM events WHERE type = 'mine')"
	if n := number(t, m, both); n != 10 {
		t.Errorf("the server has it, and it is %d", n)
	}
	f.withhold(0)
	f.add(pond, 1, "new")
	until(t, m, caughtUp(pond, 1502))
	if n := number(t, m, both); n != 1 {
		t.Errorf("at the end it is %d", n)
	}
}
