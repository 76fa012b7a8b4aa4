//go:build !js

package mirror

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/query"
)

// tally counts the events of a type in steps.
func tally(version, step string) projection.Projection {
	return projection.SQL{
		Name: "tally", Version: version,
		Schema: projection.Texts{"CREATE TABLE tally (stream_id INTEGER PRIMARY KEY, n INTEGER)"},
		On: map[string]projection.Texts{
			"frog": {"INSERT INTO tally VALUES (:stream_id, " + step + ") ON CONFLICT DO UPDATE SET n = n + excluded.n"},
		},
	}.Projection()
}

// projected is a status in which the projection is in a state.
func projected(state projection.State, version string) func(Status) bool {
	return func(s Status) bool { return s.Projections[0].State == state && s.Projections[0].Version == version }
}

func TestProjection(t *testing.T) {
	f := newFakeServer(t)
	path := filepath.Join(t.TempDir(), "db")
	m := open(t, f, Options{Path: path, Projections: []projection.Projection{tally("1", "1")}})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 2))
	counts := make(chan int64, 16)
	stop := m.Live("SELECT n FROM tally UNION ALL SELECT 0 LIMIT 1", nil, func(r *query.Result, err error) {
		if err != nil {
			t.Error(err)
			return
		}
		counts <- cell(t, r)
	})
	defer stop()
	if n := next(t, counts); n != 0 {
		t.Errorf("before there are any, %d", n)
	}
	f.add(pond, 7, "frog")
	if n := next(t, counts); n != 7 {
		t.Errorf("after 7, %d", n)
	}
	f.add(pond, 5000, "frog")
	until(t, m, caughtUp(pond, 5009))
	stop()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	// Another version is built from what is there, without a server.
	m = open(t, nil, Options{Path: path, Projections: []projection.Projection{tally("2", "10")}})
	until(t, m, projected(projection.Current, "2"))
	if n := number(t, m, "SELECT n FROM tally"); n != 50070 {
		t.Errorf("the next version has counted %d", n)
	}
}

func TestFailedProjection(t *testing.T) {
	f := newFakeServer(t)
	well := false
	p := projection.Projection{
		Name: "moody", Version: "1", Consumes: []string{"frog"},
		Schema: "CREATE TABLE moody (stream_id INTEGER, n INTEGER)",
		Apply: func(tx *projection.Tx, events []millpond.Event) error {
			if !well {
				panic("not today")
			}
			return tx.Exec("INSERT INTO moody VALUES (?, ?)", tx.StreamID, len(events))
		},
	}
	m := open(t, f, Options{Projections: []projection.Projection{p}})
	stream(t, m, pond)
	f.add(pond, 7, "frog")
	until(t, m, caughtUp(pond, 9)) // the events are there all the same
	s := until(t, m, projected(projection.Failed, "1"))
	if p := s.Projections[0].Problem; p.Name != pond || p.Offset != 3 {
		t.Errorf("the problem is %+v", p)
	}
	if err := m.RetryProjection(t.Context(), "other"); !errors.Is(err, projection.ErrNotFound) {
		t.Errorf("retry of another: %v", err)
	}
	m.do(t.Context(), func(*loop) { well = true })
	if err := m.RetryProjection(t.Context(), "moody"); err != nil {
		t.Fatal(err)
	}
	until(t, m, projected(projection.Current, "1"))
	if n := number(t, m, "SELECT sum(n) FROM moody"); n != 7 {
		t.Errorf("%d events are folded", n)
	}
}

func TestWrongProjection(t *testing.T) {
	_, err := Open(t.Context(), Options{Projections: []projection.Projection{tally("1", "nope")}})
	var definition *projection.DefinitionError
	if !errors.As(err, &definition) || definition.Type != "frog" || definition.Statement != 1 || definition.Column != 39 {
		t.Errorf("a wrong definition: %v", err)
	}
}
