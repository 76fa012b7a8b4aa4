package query_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millpond-dev/millpond/mirror/query"
)

// slowFruit does not finish in any slice of these tests, and reads fruit.
const slowFruit = "SELECT (SELECT count(*) FROM fruit), max(i) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000) SELECT i FROM n)"

// offloaded is a live set whose slow statements run when the test says so, on the same connection.
func offloaded(t *testing.T) (l *liveSet, away *[]query.Work) {
	clock := &tickingClock{tick: time.Millisecond}
	l = newLiveSet(t, query.Options{Now: clock.look})
	away = new([]query.Work)
	l.Offload(8*time.Millisecond, func(_ context.Context, work query.Work) bool {
		*away = append(*away, work)
		return true
	})
	return l, away
}

func (l *liveSet) reader() *query.Reader {
	l.t.Helper()
	return newReader(l.t, l.conn, query.Options{})
}

// B6: a statement that is away holds nobody up, is told when it is back, and runs again for what was written meanwhile: once.
func TestLiveAway(t *testing.T) {
	l, away := offloaded(t)
	l.watch("slow", slowFruit)
	l.watch("quick", "SELECT count(*) FROM fruit")
	l.want("quick [[3]]")
	if len(*away) != 1 {
		t.Fatalf("%d are away", len(*away))
	}
	finish := (*away)[0](context.Background(), l.reader(), nil)
	for _, name := range []string{"fig", "kiwi"} { // what it answers is older than these
		l.write(fmt.Sprintf("INSERT INTO fruit VALUES ('%s', 1)", name))
	}
	l.want("quick [[5]]")
	finish()
	l.want("slow [[3,20000]]")
	if len(*away) != 2 {
		t.Fatalf("%d were away, want once more", len(*away))
	}
	(*away)[1](context.Background(), l.reader(), nil)()
	l.want("slow [[5,20000]]")
	l.want()
	l.write("INSERT INTO tree VALUES ('oak')")
	l.want()
	if len(*away) != 2 {
		t.Error("it has run for a table that it does not read")
	}
}

// B6: an error elsewhere is the statement's; what was removed meanwhile is not told, and not run again.
func TestLiveAwayEnds(t *testing.T) {
	l, away := offloaded(t)
	l.watch("slow", slowFruit)
	remove := l.watch("removed", slowFruit)
	l.want()
	finish := (*away)[1](context.Background(), l.reader(), nil)
	l.write("INSERT INTO fruit VALUES ('fig', 1)")
	remove()
	finish()
	(*away)[0](context.Background(), nil, errors.New("no room"))()
	l.want("slow: no room")
	if len(*away) != 3 { // slow, again
		t.Errorf("%d were away", len(*away))
	}
}

// What was stopped elsewhere, as when the database is replaced, runs again.
func TestLiveAwayIsStopped(t *testing.T) {
	l, away := offloaded(t)
	l.watch("slow", slowFruit)
	l.want()
	stopped, stop := context.WithCancel(context.Background())
	stop()
	(*away)[0](stopped, l.reader(), nil)()
	l.want()
	if len(*away) != 2 {
		t.Errorf("%d were away", len(*away))
	}
}

// Where nothing can be away, a statement takes the time that it needs.
func TestLiveStays(t *testing.T) {
	l, _ := offloaded(t)
	asked := 0
	l.Offload(8*time.Millisecond, func(context.Context, query.Work) bool { asked++; return false })
	l.watch("slow", slowFruit)
	l.want("slow [[3,20000]]")
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// Who has stopped to watch stops the run.
func TestLiveIsInterruptedByWhoWatches(t *testing.T) {
	l := newLiveSet(t, query.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	looks := 0
	l.Live = query.NewLive(newReader(t, l.conn, query.Options{MaxStep: -1, Now: func() time.Time {
		if looks++; looks == 10 {
			cancel()
		}
		return time.Time{}
	}}))
	l.Add(ctx, forever, nil, func(result *query.Result, err error) { l.record("forever", result, err) })
	l.watch("count", "SELECT count(*) FROM fruit")
	l.want("count [[3]]")
}
