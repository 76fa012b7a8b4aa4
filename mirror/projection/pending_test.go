package projection_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
)

// optimistic is the dump with events pending.
func (r *rig) optimistic(pending []projection.Pending) (dump string) {
	r.t.Helper()
	err := r.set.WithPending(pending, func() error {
		dump = r.dump()
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return dump
}

// B15: the optimistic view is the confirmed state with what is pending on top of it, at every moment; the confirmed view
// never has any of it.
func TestPending(t *testing.T) {
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 3))
		const n = 120
		logs := map[millpond.Name]*serverLog{pond: newLog(seed, n), lake: newLog(seed+50, n)}
		r := open(t, counts("1"), chain("1"))
		at := map[millpond.Name]int{pond: 1, lake: 1}
		r.apply(pond, logs[pond], 1, 1)
		r.apply(lake, logs[lake], 1, 1)
		for at[pond] < n {
			before := r.dump()
			// What is pending is what the server will have next, or what somebody else's events will come before.
			var pending []projection.Pending
			ends := map[millpond.Name]int{pond: at[pond], lake: at[lake]}
			for range random.IntN(6) {
				name := []millpond.Name{pond, lake}[random.IntN(2)]
				to := min(n, ends[name]+random.IntN(9))
				pending = append(pending, projection.Pending{Stream: name, Events: logs[name].events[ends[name]:to]})
				ends[name] = to
			}
			got := r.optimistic(pending)
			if again := r.optimistic(pending); again != got {
				t.Fatalf("the optimistic view is another one the second time:\n%s\n%s", got, again)
			}
			if after := r.dump(); after != before {
				t.Fatalf("what is pending is left in the tables:\n%s\nbefore:\n%s", after, before)
			}
			for name, to := range ends { // the truth
				if to > at[name] {
					r.apply(name, logs[name], at[name]+1, to)
					at[name] = to
				}
			}
			// A view's "current" says that it has all events of the copy, which the pending ones are not of.
			if want := r.dump(); got != want {
				t.Fatalf("with %d appends pending:\n%s\nand when they are confirmed:\n%s", len(pending), got, want)
			}
			if random.IntN(5) == 0 {
				r.reopen(counts("1"), chain("1"))
			}
			if at[pond] == n {
				break
			}
			r.apply(pond, logs[pond], at[pond]+1, at[pond]+1)
			at[pond]++
		}
	}
}

// B15: a stream that there is no copy of is seen with what is pending, too, and is not there afterwards.
func TestPendingOnANewStream(t *testing.T) {
	l := newLog(1, 20)
	r := open(t, counts("1"), chain("1"))
	got := r.optimistic([]projection.Pending{{Stream: pond, Events: l.events[:20]}})
	r.want("SELECT count(*) FROM streams", "0\n")
	r.apply(pond, l, 1, 20)
	if want := r.dump(); got != want {
		t.Errorf("pending:\n%s\nconfirmed:\n%s", got, want)
	}
}

// B15: what fails on a pending event is told within the view only, and does not fail the projection.
func TestPendingFailure(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func(tx *projection.Tx) error
	}{
		{"an error", func(*projection.Tx) error { return errors.New("no") }},
		{"the transaction is gone", func(tx *projection.Tx) error {
			return tx.Exec("INSERT OR ROLLBACK INTO failing VALUES (1, 3)")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLog(1, 30)
			r := open(t, failing(25, c.fail), chain("1"), counts("1"))
			r.apply(pond, l, 1, 20)
			var state string
			err := r.set.WithPending([]projection.Pending{{Stream: pond, Events: l.events[20:30]}}, func() error {
				state = r.rows("SELECT name, offset, state, error_offset FROM projections ORDER BY name")
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(state, "chain|30|current|\n") || !strings.Contains(state, "|failed|2") {
				t.Errorf("within the view:\n%s", state)
			}
			r.want("SELECT name, offset, state, error FROM projections ORDER BY name", "chain|20|current|\ncounts|20|current|\nfailing|20|current|\n")
			if st := r.status()[0]; st.State != projection.Current {
				t.Errorf("the status is %+v", st)
			}
			r.apply(pond, l, 21, 24)
			r.want("SELECT count(*) FROM failing", "24\n")
		})
	}
}

// B15: a query that fails takes nothing of what is pending with it, and one that is left in the middle of its rows neither.
func TestPendingQueryFails(t *testing.T) {
	l := newLog(1, 30)
	r := open(t, counts("1"), chain("1"))
	r.apply(pond, l, 1, 20)
	before := r.dump()
	bad := errors.New("bad")
	stmt, _, err := r.conn.Prepare("SELECT * FROM seen")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	err = r.set.WithPending([]projection.Pending{{Stream: pond, Events: l.events[20:30]}}, func() error {
		if !stmt.Step() {
			t.Error("no row")
		}
		return fmt.Errorf("a query: %w", bad)
	})
	if !errors.Is(err, bad) {
		t.Errorf("the error is %v", err)
	}
	stmt.Reset()
	if got := r.dump(); got != before {
		t.Errorf("afterwards:\n%s\nbefore:\n%s", got, before)
	}
	r.apply(pond, l, 21, 30)
}
