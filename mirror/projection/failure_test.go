package projection_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// failing is a projection that fails at an offset.
func failing(at uint64, fail func(tx *projection.Tx) error) projection.Projection {
	return projection.Projection{
		Name: "failing", Version: "1", Consumes: []string{"*"},
		Schema: "CREATE TABLE failing (stream_id INTEGER, offset INTEGER NOT NULL UNIQUE)",
		Apply: func(tx *projection.Tx, events []millpond.Event) error {
			for i := range events {
				if err := tx.Exec("INSERT INTO failing VALUES (?, ?)", tx.StreamID, events[i].Offset); err != nil {
					return err
				}
				if events[i].Offset == at && fail != nil {
					if err := fail(tx); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
}

// A projection that fails stops at its position, and harms neither the events nor its neighbours.
func TestFailureIsIsolated(t *testing.T) {
	endless := func(tx *projection.Tx) error {
		return tx.Exec(`INSERT INTO failing SELECT 1, 1000 + value FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 100000000) SELECT * FROM n)`)
	}
	for _, c := range []struct {
		name, reason string
		offset       uint64                        // at which it stops
		at           uint64                        // what it says
		fail         func(tx *projection.Tx) error // on event 25, or on the last of its batch
	}{
		{"its own error", "no tea", 24, 25, func(*projection.Tx) error { return errors.New("no tea") }},
		{"an SQL error", "UNIQUE constraint failed: failing.offset", 24, 25, func(tx *projection.Tx) error { return tx.Exec("INSERT INTO failing VALUES (1, 3)") }},
		{"a panic", "it has panicked: kaboom", 24, 25, func(*projection.Tx) error { panic("kaboom") }},
		{"a panic among rows", "it has panicked: kaboom", 24, 25, func(tx *projection.Tx) error {
			return tx.Query("SELECT * FROM failing", func(sqlite.Stmt) error { panic("kaboom") })
		}},
		{"another's table", "it writes streams: it may use only the projection's own tables: failing", 24, 25, func(tx *projection.Tx) error { return tx.Exec("DELETE FROM streams") }},
		{"another's rows", "it reads streams", 24, 25, func(tx *projection.Tx) error {
			return tx.Query("SELECT * FROM events", func(sqlite.Stmt) error { return nil })
		}},
		{"DDL", "it must be an INSERT", 24, 25, func(tx *projection.Tx) error { return tx.Exec("DROP TABLE failing") }},
		{"the end of the transaction", "it must be an INSERT", 24, 25, func(tx *projection.Tx) error { return tx.Exec("COMMIT") }},
		{"the transaction is gone", "NOT NULL constraint failed", 20, 21, func(tx *projection.Tx) error {
			tx.Exec("INSERT OR ROLLBACK INTO failing VALUES (1, NULL)")
			return nil // although it has failed
		}},
		{"a slow statement", "the projection is too slow", 20, 21, endless},
		{"a slow statement, passed over", "the projection is too slow", 20, 21, func(tx *projection.Tx) error {
			endless(tx)
			tx.Exec("INSERT INTO failing VALUES (1, 7777)") // would stand by itself: there is no transaction
			return nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLog(5, 60)
			want := fresh(t, map[millpond.Name]*serverLog{pond: l}, 60)
			r := open(t)
			clock := time.Unix(0, 0)
			on := uint64(25)
			if c.at != on {
				on = 40
			}
			list := []projection.Projection{counts("1"), failing(on, c.fail), chain("1")}
			// Every look at the clock is 100 ms later.
			tick := projection.Options{Now: func() time.Time { clock = clock.Add(100 * time.Millisecond); return clock }}
			if err := r.tryOpen(tick, list...); err != nil {
				t.Fatal(err)
			}
			r.apply(pond, l, 1, 20)
			r.apply(pond, l, 21, 40)
			r.apply(pond, l, 41, 60)
			dump := func() string {
				return strings.ReplaceAll(r.dump(), fmt.Sprintf("failing|/pond|%d|failed\n", c.offset), "")
			}
			if got := dump(); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			check := func() {
				t.Helper()
				r.want("SELECT count(*), min(offset), max(offset) FROM failing", fmt.Sprintf("%d|1|%[1]d\n", c.offset))
				st := r.status()[1]
				if st.Name != "failing" || st.State != projection.Failed || st.Problem == nil || st.Problem.Offset != c.at ||
					st.Problem.Name != pond || !strings.Contains(st.Problem.Message, c.reason) {
					t.Errorf("the status is %+v %+v", st, st.Problem)
				}
			}
			check()
			for _, other := range []int{0, 2} {
				if st := r.status()[other]; st.State != projection.Current {
					t.Errorf("the status of another is %+v", st)
				}
			}
			r.build()
			check() // it is not tried again by itself
			r.reopen(list...)
			r.build()
			check()
		})
	}
}

// A projection that has failed goes on when it is told to, or is another version.
func TestRetry(t *testing.T) {
	l := newLog(5, 60)
	ill := true
	p := failing(25, func(*projection.Tx) error {
		if ill {
			return errors.New("ill")
		}
		return nil
	})
	r := open(t, p)
	r.apply(pond, l, 1, 40)
	if err := r.set.Retry("failing"); err != nil {
		t.Fatal(err)
	}
	if st := r.status()[0]; st.State != projection.Building || st.Problem != nil {
		t.Errorf("when it is retried, the status is %+v", st)
	}
	r.build()
	if st := r.status()[0]; st.State != projection.Failed {
		t.Errorf("when it has failed again, the status is %+v", st)
	}
	ill = false
	if err := r.set.Retry("failing"); err != nil {
		t.Fatal(err)
	}
	r.apply(pond, l, 41, 60) // before it has come so far
	r.build()
	r.want("SELECT count(*), max(offset) FROM failing", "60|60\n")
	if st := r.status()[0]; st.State != projection.Current {
		t.Errorf("the status is %+v", st)
	}
	if err := r.set.Retry("other"); !errors.Is(err, projection.ErrNotFound) {
		t.Errorf("a projection that is not there: %v", err)
	}

	ill = true
	next := p
	next.Version = "2"
	r.reopen(next)
	r.build()
	if st := r.status()[0]; st.State != projection.Failed || st.Version != "1" || st.Next != "2" {
		t.Errorf("when the next version has failed, the status is %+v", st)
	}
	r.want("SELECT count(*) FROM failing", "60\n") // the old one goes on to serve
	ill = false
	next.Version = "3"
	r.reopen(next)
	r.build()
	if st := r.status()[0]; st.State != projection.Current || st.Version != "3" {
		t.Errorf("the status is %+v", st)
	}
}

// When the storage fails, the batch does, and nobody's projection is blamed.
func TestStorageFailure(t *testing.T) {
	l := newLog(5, 60)
	full := true
	p := failing(25, func(*projection.Tx) error {
		if full {
			return &sqlite.Error{Code: sqlite.Full}
		}
		return nil
	})
	r := open(t, p, chain("1"))
	r.apply(pond, l, 1, 20)
	if _, err := r.replica.Apply(pond, l.incarnation, l.batch(21, 40)); !errors.Is(err, sqlite.Full) {
		t.Errorf("the batch: %v", err)
	}
	if st := r.status()[0]; st.State != projection.Current {
		t.Errorf("the status is %+v", st)
	}
	full = false
	r.apply(pond, l, 21, 60)
	r.want("SELECT count(*), max(offset) FROM failing", "60|60\n")
}

// Events that are not in the mirror any more are not passed over.
func TestMissingEvents(t *testing.T) {
	l := newLog(5, 60)
	r := open(t, counts("1"))
	r.apply(pond, l, 1, 40)
	if err := r.conn.Exec("DELETE FROM " + eventTable(r) + " WHERE offset < 10"); err != nil {
		t.Fatal(err)
	}
	r.set.Close()
	set, err := projection.Open(r.conn, []projection.Projection{counts("1"), failing(0, nil)}, projection.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.set = set
	r.build()
	if st := r.status()[1]; st.State != projection.Failed || st.Problem.Offset != 1 || !strings.Contains(st.Problem.Message, "not in the mirror any more") {
		t.Errorf("the status is %+v", st)
	}
	r.want("SELECT count(*) FROM failing", "0\n")
}

// eventTable is the table that has the events.
func eventTable(r *rig) string {
	return strings.TrimSpace(r.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('events', 'event_rows')"))
}

// What Apply keeps in memory goes with what it did: when the call fails, and when the transaction does.
func TestMemoryFollowsTheTables(t *testing.T) {
	type sum struct{ n int64 } // changed in place
	keeping := projection.Projection{
		Name: "keeping", Version: "1", Consumes: []string{"*"},
		Schema: "CREATE TABLE keeping (stream_id INTEGER PRIMARY KEY, n INTEGER)",
		Apply: func(tx *projection.Tx, events []millpond.Event) error {
			s, known := tx.Memory.(*sum)
			if !known {
				s = &sum{}
				err := tx.Query("SELECT n FROM keeping WHERE stream_id = ?", func(row sqlite.Stmt) error { s.n = row.ColumnInt64(0); return nil }, tx.StreamID)
				if err != nil {
					return err
				}
				tx.Memory = s
			}
			for i := range events {
				s.n += int64(events[i].Offset)
			}
			if len(events) > 1 && events[0].Offset > 20 {
				return errors.New("one at a time, please")
			}
			return tx.Exec("INSERT OR REPLACE INTO keeping VALUES (?, ?)", tx.StreamID, s.n)
		},
	}
	l := newLog(5, 60)
	r := open(t, keeping)
	last := &failingEnd{}
	r.replica.Fold(last)
	r.apply(pond, l, 1, 10)
	last.err = errors.New("the end")
	if _, err := r.replica.Apply(pond, l.incarnation, l.batch(11, 20)); !errors.Is(err, last.err) {
		t.Fatalf("a batch that fails at its end: %v", err)
	}
	last.err = nil
	r.apply(pond, l, 11, 20)
	r.want("SELECT n FROM keeping", "210\n")
	r.apply(pond, l, 21, 30)
	r.want("SELECT n FROM keeping", "465\n")
}

// failingEnd is a fold that fails a batch after the others have folded it.
type failingEnd struct{ err error }

func (*failingEnd) Begin(millpond.Name, millpond.Incarnation, bool) error { return nil }
func (*failingEnd) Event(*millpond.Event) error                           { return nil }
func (f *failingEnd) End() error                                          { return f.err }
func (*failingEnd) Committed()                                            {}
func (*failingEnd) RolledBack()                                           {}
