package mirror

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/query"
)

// endless answers a row from time to time, and never the last that a result may have.
const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i % 10000 = 0"

// slow finishes, in many slices.
const slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) SELECT (SELECT count(*) FROM outbox), i FROM n WHERE i % 10000 = 0"

// openStored opens a mirror without a server whose storage has room for connections beside its own.
func openStored(t *testing.T) *Mirror {
	t.Helper()
	options := Options{Name: "test-" + rand.Text(), MaxQueryStep: time.Minute, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if runtime.GOOS != "js" {
		options.Path = filepath.Join(t.TempDir(), "db")
	}
	m, err := Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	if s := m.Status(); s.Storage == StorageMemory {
		t.Skip("only what is stored can be read beside the loop: ", s.StorageError)
	}
	return m
}

// besideNow is how many queries run beside the loop, and how many wait to.
func besideNow(t *testing.T, m *Mirror) (running, waiting int) {
	t.Helper()
	yield() // this is asked again and again
	if err := m.do(t.Context(), func(l *loop) { running, waiting = len(l.beside.running), len(l.beside.waiting) }); err != nil {
		t.Fatal(err)
	}
	return running, waiting
}

// A query that goes on and on keeps nobody waiting: batches, appends and other queries go on. Only so many run at a
// time; the next begins when one has ended.
func TestLongQueriesKeepNobodyWaiting(t *testing.T) {
	m := openStored(t)
	s, err := m.Stream(millpond.Name{Namespace: "default", Path: "/pond"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	errs := make(chan error)
	begin := func() context.CancelFunc {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := m.Query(ctx, endless)
			errs <- err
		}()
		return cancel
	}
	await := func(wantRunning, wantWaiting int) {
		for running, waiting := -1, -1; running != wantRunning || waiting != wantWaiting; {
			running, waiting = besideNow(t, m)
		}
	}
	var cancels []context.CancelFunc
	for range maxBeside {
		cancels = append(cancels, begin())
	}
	await(maxBeside, 0)
	cancels = append(cancels, begin())
	await(maxBeside, 1)
	for i := range 20 {
		if _, err := s.Append(t.Context(), millpond.Input{Type: "x", Payload: []byte(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
		r, err := m.Query(t.Context(), "SELECT count(*) FROM outbox")
		if err != nil || r.Rows[0][0] != int64(i+1) {
			t.Fatalf("after append %d: %v, %v", i, r, err)
		}
	}
	cancels[0]()
	await(maxBeside, 0)
	for _, cancel := range cancels {
		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	}
	await(0, 0)
}

// Close ends what runs beside the loop, and what waits to.
func TestCloseEndsLongQueries(t *testing.T) {
	m := openStored(t)
	errs := make(chan error)
	for range maxBeside + 1 {
		go func() {
			_, err := m.Query(t.Context(), endless)
			errs <- err
		}()
	}
	for waiting := 0; waiting != 1; {
		_, waiting = besideNow(t, m)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	for range maxBeside + 1 {
		if err := <-errs; !errors.Is(err, ErrClosed) {
			t.Errorf("it ended with %v", err)
		}
	}
}

// B6: a live query that takes long is told as any other is, and runs again for what was written since it began.
func TestLongLiveQuery(t *testing.T) {
	m := openStored(t)
	s, err := m.Stream(millpond.Name{Namespace: "default", Path: "/pond"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	type answer struct {
		result *query.Result
		err    error
	}
	answers := make(chan answer, 64)
	defer m.Live(slow, nil, func(r *query.Result, err error) { answers <- answer{r, err} })()
	for i := range 3 {
		for seen := int64(-1); seen != int64(i); {
			a := <-answers
			if a.err != nil || len(a.result.Rows) != 20 {
				t.Fatalf("%+v, %v", a.result, a.err)
			}
			seen = a.result.Rows[0][0].(int64)
		}
		if _, err := s.Append(t.Context(), millpond.Input{Type: "x"}); err != nil {
			t.Fatal(err)
		}
	}
}
