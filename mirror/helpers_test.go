//go:build !js

package mirror

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/query"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

var (
	pond  = millpond.Name{Namespace: "default", Path: "/pond"}
	other = millpond.Name{Namespace: "default", Path: "/other"}
)

// open opens a mirror of the server that logs to the test.
func open(t *testing.T, f *fakeServer, o Options) *Mirror {
	t.Helper()
	if f != nil {
		o.URL = f.http.URL
	}
	o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	m, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func stream(t *testing.T, m *Mirror, name millpond.Name) *Stream {
	t.Helper()
	s, err := m.Stream(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// until waits for a status that holds.
func until(t *testing.T, m *Mirror, holds func(Status) bool) Status {
	t.Helper()
	found := make(chan Status, 1)
	stop := m.WatchStatus(func(s Status) {
		if holds(s) {
			select {
			case found <- s:
			default:
			}
		}
	})
	defer stop()
	select {
	case s := <-found:
		return s
	case <-time.After(patience):
		t.Fatalf("the status did not come: %+v", m.Status())
		panic("not reached")
	}
}

// next is what comes next on a channel.
// commit appends, and waits for the server.
func commit(ctx context.Context, s *Stream, inputs ...millpond.Input) ([]millpond.Event, error) {
	a, err := s.Append(ctx, inputs...)
	if err != nil {
		return nil, err
	}
	return a.Wait(ctx)
}

func next[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("no %T came", v)
	}
	return v
}

// caughtUp is a status in which the copy of the stream has all that the server has, at least n events.
func caughtUp(name millpond.Name, n uint64) func(Status) bool {
	return func(s Status) bool {
		for _, st := range s.Streams {
			if st.Name == name {
				return st.State == Subscribed && st.Offset >= n && st.Offset == st.MaxOffset
			}
		}
		return false
	}
}

// number is the one integer that a query answers.
func number(t *testing.T, m *Mirror, sql string, params ...any) int64 {
	t.Helper()
	r, err := m.Query(context.Background(), sql, params...)
	if err != nil {
		t.Fatal(err)
	}
	return cell(t, r)
}

func cell(t *testing.T, r *query.Result) int64 {
	t.Helper()
	n, ok := r.Rows[0][0].(int64)
	if !ok {
		t.Fatalf("not a number: %v", r.Rows)
	}
	return n
}
