//go:build !js

package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/query"
)

func TestAppendComesBack(t *testing.T) {
	f := newFakeServer(t)
	m := open(t, f, Options{})
	s := stream(t, m, pond)
	events, err := commit(t.Context(), s, millpond.Input{Type: "frog", Payload: json.RawMessage(`{"n": 1}`)}, millpond.Input{Type: "newt"})
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 2 || events[0].Offset != 3 || events[1].Type != "newt" || events[0].IdempotencyKey == "" {
		t.Errorf("appended %+v", events)
	}
	until(t, m, caughtUp(pond, 4))
	if n := number(t, m, `SELECT payload ->> '$.n' FROM events WHERE type = 'frog'`); n != 1 {
		t.Errorf("the payload came back as %d", n)
	}
}

func TestManyEvents(t *testing.T) {
	f := newFakeServer(t)
	f.add(pond, 9998, "frog")
	m := open(t, f, Options{})
	stream(t, m, pond)
	s := until(t, m, caughtUp(pond, 10_000))
	if n := number(t, m, `SELECT count(*) FROM events WHERE offset = local_index + 1`); n != 10_000 {
		t.Errorf("%d events", n)
	}
	if want := f.logs[pond].hash(10_000); s.Streams[0].Hash != want {
		t.Errorf("hash %v, the log has %v", s.Streams[0].Hash, want)
	}
}

func TestLiveQuery(t *testing.T) {
	f := newFakeServer(t)
	m := open(t, f, Options{})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 2))
	counts := make(chan int64, 16)
	stop := m.Live("SELECT count(*) FROM events WHERE type = ?", []any{"frog"}, func(r *query.Result, err error) {
		if err != nil {
			t.Error(err)
			return
		}
		counts <- cell(t, r)
	})
	if n := next(t, counts); n != 0 {
		t.Errorf("the first result is %d", n)
	}
	f.add(pond, 3, "newt") // another type: the result is the same, and not told
	f.add(pond, 7, "frog")
	if n := next(t, counts); n != 7 {
		t.Errorf("the second result is %d", n)
	}
	stop()
	f.add(pond, 1, "frog")
	until(t, m, caughtUp(pond, 13))
	if len(counts) > 0 {
		t.Error("a stopped query was told")
	}
	errs := make(chan error, 1)
	defer m.Live("SELECT nonsense", nil, func(_ *query.Result, err error) { errs <- err })()
	if next(t, errs) == nil {
		t.Error("a wrong statement was taken")
	}
}

func TestQueryOnlyReads(t *testing.T) {
	m := open(t, nil, Options{})
	if _, err := m.Query(t.Context(), "DELETE FROM events"); !errors.Is(err, query.ErrNotReadOnly) {
		t.Errorf("got %v", err)
	}
}

// B2: an append waits for the connection, and succeeds when it comes.
func TestAppendWaitsForConnection(t *testing.T) {
	f := newFakeServer(t)
	f.setDown(true)
	m := open(t, f, Options{})
	s := stream(t, m, pond)
	until(t, m, func(s Status) bool { return s.Connection == Reconnecting })
	done := make(chan error, 1)
	go func() {
		_, err := commit(context.Background(), s, millpond.Input{Type: "frog"})
		done <- err
	}()
	until(t, m, func(s Status) bool { return s.Epoch >= 2 })
	f.setDown(false)
	if err := next(t, done); err != nil {
		t.Error(err)
	}
}

// B2: the wait is bounded; only a closed mirror fails at once.
func TestAppendWaitIsBounded(t *testing.T) {
	f := newFakeServer(t)
	f.setDown(true)
	m := open(t, f, Options{AppendWait: 50 * time.Millisecond})
	s := stream(t, m, pond)
	if _, err := commit(t.Context(), s, millpond.Input{Type: "frog"}); !errors.Is(err, millpond.Unavailable) || errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	m.Close()
	if _, err := commit(t.Context(), s, millpond.Input{Type: "frog"}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestCloseFailsWaitingAppend(t *testing.T) {
	m := open(t, nil, Options{AppendWait: time.Hour})
	s := stream(t, m, pond)
	done := make(chan error, 1)
	go func() {
		_, err := commit(context.Background(), s, millpond.Input{Type: "frog"})
		done <- err
	}()
	for waiting := 0; waiting == 0; {
		m.do(t.Context(), func(l *loop) { waiting = len(l.waiting) })
	}
	m.Close()
	if err := next(t, done); !errors.Is(err, millpond.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestAppendCancelled(t *testing.T) {
	m := open(t, nil, Options{AppendWait: time.Hour})
	s := stream(t, m, pond)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := commit(ctx, s, millpond.Input{Type: "frog"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A lost answer: the server has committed the append, and the connection breaks before it says so.
func TestAppendOnceThoughAnswerIsLost(t *testing.T) {
	f := newFakeServer(t)
	lost := false
	f.onAppend = func(c *fakeConn, a *millpond.Append) bool {
		if lost {
			return false
		}
		lost = true
		f.commit(a)
		go c.ws.CloseNow()
		return true
	}
	m := open(t, f, Options{})
	s := stream(t, m, pond)
	events, err := commit(t.Context(), s, millpond.Input{Type: "frog"})
	if err != nil || events[0].Offset != 3 {
		t.Fatalf("got %v, %v", events, err)
	}
	until(t, m, caughtUp(pond, 3))
	if n := number(t, m, "SELECT count(*) FROM events WHERE type = 'frog'"); n != 1 {
		t.Errorf("%d events", n)
	}
	if n := number(t, m, "SELECT count(*) FROM outbox"); n != 0 {
		t.Errorf("%d rows in the outbox", n)
	}
}

func TestAppendErrors(t *testing.T) {
	f := newFakeServer(t)
	f.onAppend = func(c *fakeConn, a *millpond.Append) bool {
		c.send(&millpond.ErrorMessage{Request: a.ID, Code: millpond.StreamPaused, Message: "stream paused: lunch"})
		return true
	}
	s := stream(t, open(t, f, Options{}), pond)
	for name, test := range map[string]struct {
		inputs []millpond.Input
		code   millpond.ErrorCode
		field  string
	}{
		"refused":    {[]millpond.Input{{Type: "frog"}}, millpond.StreamPaused, ""},
		"none":       {nil, millpond.InvalidRequest, ""},
		"no type":    {[]millpond.Input{{Type: "frog"}, {}}, millpond.InvalidEvent, "[1].type"},
		"the system": {[]millpond.Input{{Type: millpond.TypeCreated}}, millpond.InvalidEvent, "[0].type"},
		"too many":   {make([]millpond.Input, millpond.MaxBatchEvents+1), millpond.EventTooLarge, ""},
	} {
		_, err := commit(t.Context(), s, test.inputs...)
		var e *millpond.Error
		if !errors.As(err, &e) || e.Code != test.code || e.Field != test.field {
			t.Errorf("%s: got %v", name, err)
		}
	}
	s.Close()
	if _, err := commit(t.Context(), s, millpond.Input{Type: "frog"}); !errors.Is(err, millpond.Unavailable) {
		t.Errorf("closed: got %v", err)
	}
}

// B13: several of one stream share one subscription; the last one to leave ends it.
func TestStreamsShareOneSubscription(t *testing.T) {
	f := newFakeServer(t)
	m := open(t, f, Options{})
	first, second := stream(t, m, pond), stream(t, m, pond)
	until(t, m, caughtUp(pond, 2))
	first.Close()
	first.Close() // counts once
	f.add(pond, 1, "frog")
	until(t, m, caughtUp(pond, 3))
	if n := count[*millpond.Subscribe](f); n != 1 {
		t.Errorf("%d subscriptions", n)
	}
	second.Close()
	await[*millpond.Unsubscribe](f, 1)
	if s := until(t, m, func(s Status) bool { return len(s.Streams) == 0 }); s.Connection != Connected {
		t.Errorf("the connection is %s", s.Connection)
	}
	stream(t, m, pond)
	if again := await[*millpond.Subscribe](f, 2); *again.After != 3 {
		t.Errorf("subscribed again after %d", *again.After)
	}
}

// B4: the stream was reset while the mirror was connected. No query ever sees rows of both.
func TestReset(t *testing.T) {
	f := newFakeServer(t)
	f.add(pond, 1000, "old")
	m := open(t, f, Options{})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 1002))
	var mixed atomic.Bool
	defer m.Live(`SELECT count(DISTINCT type) FROM events WHERE type IN ('old', 'new')`, nil, func(r *query.Result, err error) {
		if err != nil || cell(t, r) != 1 {
			mixed.Store(true)
		}
	})()
	f.reset(pond, 1500, "new")
	until(t, m, caughtUp(pond, 1502))
	if n := number(t, m, "SELECT count(*) FROM events WHERE type = 'new'"); n != 1500 || mixed.Load() {
		t.Errorf("%d new events, mixed: %v", n, mixed.Load())
	}
}

// B4: the server was restored from a backup and appended to, under the same createdAt.
func TestRestoredBackup(t *testing.T) {
	f := newFakeServer(t)
	path := filepath.Join(t.TempDir(), "mirror.db")
	f.add(pond, 10, "old")
	m := open(t, f, Options{Path: path})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 12))
	m.Close()
	f.change(func() {
		l := f.log(pond)
		l.events, l.records, l.hashes = l.events[:5], l.records[:5], l.hashes[:5]
	})
	f.add(pond, 20, "new")
	m = open(t, f, Options{Path: path})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 25))
	if n := number(t, m, "SELECT count(*) FROM events WHERE type = 'new'"); n != 20 {
		t.Errorf("%d new events", n)
	}
}

// A file keeps the copy: it is there before the server is, and the mirror resumes from its position.
func TestReopen(t *testing.T) {
	f := newFakeServer(t)
	path := filepath.Join(t.TempDir(), "mirror.db")
	f.add(pond, 10, "frog")
	m := open(t, f, Options{Path: path})
	stream(t, m, pond)
	before := until(t, m, caughtUp(pond, 12))
	if before.Storage != StorageFile {
		t.Errorf("storage is %s", before.Storage)
	}
	if _, err := Open(t.Context(), Options{Path: path}); err == nil {
		t.Error("a second mirror opened the same file")
	}
	m.Close()

	f.setDown(true)
	m = open(t, f, Options{Path: path})
	if n := number(t, m, "SELECT count(*) FROM log WHERE path = '/pond'"); n != 12 {
		t.Errorf("%d events without the server", n)
	}
	stream(t, m, pond)
	f.setDown(false)
	m.Online()
	after := until(t, m, caughtUp(pond, 12))
	if sub := await[*millpond.Subscribe](f, 2); *sub.After != 12 || *sub.Hash != f.logs[pond].hash(12) {
		t.Errorf("subscribed with %+v", sub)
	}
	if after.ReplicaID != before.ReplicaID || after.Streams[0].Position != before.Streams[0].Position {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// An error that another attempt would meet again stops the mirror, visibly; Reconnect tries once more.
func TestRefused(t *testing.T) {
	f := newFakeServer(t)
	f.refuse = &millpond.ErrorMessage{Code: millpond.Unauthenticated, Message: "the token has expired"}
	m := open(t, f, Options{Token: FixedToken("secret")})
	s := until(t, m, func(s Status) bool { return s.Connection == Stopped })
	if e := s.LastError; e == nil || e.Code != millpond.Unauthenticated || e.Action != millpond.Reauthenticate || !s.RetryAt.IsZero() {
		t.Errorf("status %+v, %+v", s, e)
	}
	if hello := await[*millpond.Hello](f, 1); hello.Token != "secret" || hello.Replica != s.ReplicaID {
		t.Errorf("hello %+v", hello)
	}
	f.change(func() { f.refuse = nil })
	m.Reconnect()
	until(t, m, func(s Status) bool { return s.Connection == Connected && s.LastError == nil })
}

// A close code alone, without a message before it, is understood too.
func TestCloseCode(t *testing.T) {
	f := newFakeServer(t)
	m := open(t, f, Options{})
	until(t, m, func(s Status) bool { return s.Connection == Connected })
	f.mu.Lock()
	for c := range f.conns {
		go c.ws.Close(websocket.StatusCode(millpond.Forbidden.CloseCode()), "not you")
	}
	f.mu.Unlock()
	if s := until(t, m, func(s Status) bool { return s.Connection == Stopped }); s.LastError.Code != millpond.Forbidden {
		t.Errorf("status %+v", s.LastError)
	}
}
