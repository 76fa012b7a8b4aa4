package query_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond/mirror/query"
)

const (
	forever  = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	manyRows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 20000"
)

// tickingClock goes on by a tick each time somebody looks at it.
type tickingClock struct {
	now   time.Time
	tick  time.Duration
	looks int
}

func (c *tickingClock) look() time.Time {
	c.looks++
	c.now = c.now.Add(c.tick)
	return c.now
}

// A statement that is on the way to its next row for longer than the budget fails, and says what to do.
func TestStepBudget(t *testing.T) {
	for budget, looks := range map[time.Duration]int{0: 200, 500 * time.Millisecond: 50} { // 0: two seconds
		clock := &tickingClock{tick: 10 * time.Millisecond}
		_, r := setup(t, query.Options{MaxStep: budget, Now: clock.look})
		for range 2 {
			clock.looks = 0
			_, err := r.Run(context.Background(), forever)
			if !errors.Is(err, query.ErrTooSlow) || !strings.Contains(err.Error(), "add an index") {
				t.Fatalf("budget %v: %v", budget, err)
			}
			if clock.looks < looks || clock.looks > looks+2 {
				t.Errorf("budget %v: stopped after %d looks at the clock", budget, clock.looks)
			}
			if got := cells(t, r, "SELECT 1"); got != "[[1]]" {
				t.Error("the next query:", got)
			}
		}
	}
}

// The budget is of a step: rows that come one after another may take longer together. A negative one bounds nothing.
func TestStepBudgetIsOfAStep(t *testing.T) {
	clock := &tickingClock{tick: 10 * time.Millisecond}
	_, r := setup(t, query.Options{Now: clock.look})
	begin := clock.now
	if result, err := r.Run(context.Background(), manyRows); err != nil || len(result.Rows) != 20_000 {
		t.Error(err)
	}
	if took := clock.now.Sub(begin); took < 5*time.Second {
		t.Errorf("the test proves nothing: %v have passed", took)
	}
	clock.tick = time.Hour
	_, r = setup(t, query.Options{Now: clock.look, MaxStep: -1})
	if got := cells(t, r, "SELECT count(*) FROM ("+manyRows+")"); got != "[[20000]]" {
		t.Error(got)
	}
}

// A query gives way every 8 ms between its rows; what happens meanwhile is not of its budget.
func TestQueryYields(t *testing.T) {
	clock := &tickingClock{tick: time.Millisecond}
	var at []time.Time
	_, r := setup(t, query.Options{Now: clock.look, Yield: func() {
		at = append(at, clock.now)
		clock.now = clock.now.Add(time.Hour)
	}})
	if _, err := r.Run(context.Background(), manyRows); err != nil {
		t.Fatal(err)
	}
	if len(at) < 100 {
		t.Fatalf("it has given way %d times", len(at))
	}
	for i := range at[1:] {
		if busy := at[i+1].Sub(at[i]) - time.Hour; busy < 8*time.Millisecond || busy > 11*time.Millisecond {
			t.Fatalf("busy for %v before it gave way", busy)
		}
	}
	at = nil
	cells(t, r, "SELECT 1")
	if at != nil {
		t.Error("a short query gives way")
	}
}

// What ends the context while a query has given way ends the query.
func TestCancelWhileAQueryGivesWay(t *testing.T) {
	clock := &tickingClock{tick: time.Millisecond}
	cause := errors.New("the tab is gone")
	ctx, cancel := context.WithCancelCause(context.Background())
	yields := 0
	_, r := setup(t, query.Options{Now: clock.look, Yield: func() {
		if yields++; yields == 3 {
			cancel(cause)
		}
	}})
	if _, err := r.Run(ctx, manyRows); err != cause {
		t.Error(err)
	}
	if yields != 3 {
		t.Errorf("it has given way %d times", yields)
	}
	if got := cells(t, r, "SELECT 1"); got != "[[1]]" {
		t.Error(got)
	}
}

// A live statement that is too slow tells so once. It would be at every change: it runs again when the schema has changed.
func TestLiveStatementThatIsTooSlow(t *testing.T) {
	clock := &tickingClock{}
	l := newLiveSet(t, query.Options{Now: clock.look})
	clock.tick = time.Second
	l.watch("slow", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000) SELECT count(*) FROM n, fruit LIMIT 1")
	l.want("slow: " + query.ErrTooSlow.Error() + ": it has run for 2s without a row; add an index, or allow more")
	clock.tick = 0
	l.write("INSERT INTO fruit VALUES ('fig', 1)")
	l.want()
	l.write("CREATE INDEX fruit_by_price ON fruit(price)")
	l.want("slow [[40000]]")
	l.write("INSERT INTO fruit VALUES ('quince', 1)")
	l.want("slow [[50000]]")
}

// A statement that has not finished in its slice fails, within a step and between steps; a quick one does not notice.
func TestTry(t *testing.T) {
	const slice = 8 * time.Millisecond
	clock := &tickingClock{tick: time.Millisecond}
	_, r := setup(t, query.Options{Now: clock.look, Yield: func() { t.Error("gives way within its slice") }})
	for _, sql := range []string{forever, manyRows} {
		clock.looks = 0
		if _, err := r.Try(context.Background(), slice, sql); !errors.Is(err, query.ErrUnfinished) {
			t.Errorf("%s: %v", sql, err)
		}
		if clock.looks > 12 {
			t.Errorf("%s: stopped after %d looks at the clock", sql, clock.looks)
		}
		if result, err := r.Try(context.Background(), slice, "SELECT name FROM fruit WHERE price = ?", 2); err != nil || rowsOf(result) != `[["pear"]]` {
			t.Error(err)
		}
	}
}
