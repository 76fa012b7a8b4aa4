//go:build !js

package mirror

import (
	"path/filepath"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

func frogs(n int) (list []millpond.Input) {
	for range n {
		list = append(list, millpond.Input{Type: "frog"})
	}
	return list
}

func optimisticNumber(t *testing.T, m *Mirror, sql string) int64 {
	t.Helper()
	r, err := m.QueryOptimistic(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	return cell(t, r)
}

// B15: what was appended offline is in the optimistic view of a projection at once, is never in the confirmed one or in the file, and
// is in both once, when the server has it; what is dropped is in neither.
func TestOptimisticView(t *testing.T) {
	const sum = "SELECT coalesce(sum(n), 0) FROM tally"
	f := newFakeServer(t)
	path := filepath.Join(t.TempDir(), "db")
	o := Options{Path: path, Projections: []projection.Projection{tally("1", "1")}}
	m := open(t, f, o)
	s := stream(t, m, pond)
	f.add(pond, 5, "frog")
	until(t, m, caughtUp(pond, 7))
	f.setDown(true)
	seen := make(chan int64, 64)
	stop := m.LiveOptimistic(sum, nil, func(r *query.Result, err error) {
		if err != nil {
			t.Error(err)
			return
		}
		seen <- cell(t, r)
	})
	want := func(optimistic, confirmed int64) {
		t.Helper()
		if got := optimisticNumber(t, m, sum); got != optimistic {
			t.Errorf("the optimistic view has %d, want %d", got, optimistic)
		}
		if got := number(t, m, sum); got != confirmed {
			t.Errorf("the confirmed view has %d, want %d", got, confirmed)
		}
	}
	if n := next(t, seen); n != 5 {
		t.Errorf("the live query begins with %d", n)
	}
	if _, err := s.Append(t.Context(), frogs(3)...); err != nil {
		t.Fatal(err)
	}
	if n := next(t, seen); n != 8 {
		t.Errorf("with 3 pending, the live query has %d", n)
	}
	dropped, err := s.Append(t.Context(), frogs(10)...)
	if err != nil {
		t.Fatal(err)
	}
	want(18, 5)
	if n := optimisticNumber(t, m, "SELECT count(*) FROM events WHERE type = 'frog'"); n != 5 {
		t.Errorf("events has %d frogs in the optimistic view", n)
	}
	if err := m.DropAppend(t.Context(), dropped.ID); err != nil {
		t.Fatal(err)
	}
	want(8, 5)
	stop()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}

	// The file has nothing of it but the outbox.
	conn, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := query.Run(t.Context(), conn, "SELECT n FROM tally")
	if err != nil || cell(t, r) != 5 {
		t.Errorf("the file has %v, %v", r, err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}

	m = open(t, f, o)
	stream(t, m, pond)
	want(8, 5)
	f.setDown(false)
	m.Reconnect()
	until(t, m, func(s Status) bool { return s.Outbox == (outbox.Counts{}) && caughtUp(pond, 10)(s) })
	want(8, 8)
}
