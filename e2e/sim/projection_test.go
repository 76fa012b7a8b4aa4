//go:build sim

package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/feed"
	"github.com/millpond-dev/millpond/mirror/projection"
)

// projections are those of every mirror: the feed, one in SQL, and one in Go that fails at random.
func (d *device) projections() []projection.Projection {
	counts := projection.SQL{
		Name:   "counts",
		Schema: projection.Texts{"CREATE TABLE counts (stream_id INTEGER, type TEXT, n INTEGER, PRIMARY KEY (stream_id, type))"},
		On: map[string]projection.Texts{"*": {`INSERT INTO counts (stream_id, type, n) VALUES (:stream_id, :type, 1)
			ON CONFLICT (stream_id, type) DO UPDATE SET n = n + 1`}},
	}
	return []projection.Projection{feed.Projection(), counts.Projection(), d.shaky()}
}

// shaky is a projection that fails as often as the world says, after it has written.
func (d *device) shaky() projection.Projection {
	r := rand.New(rand.NewPCG(d.w.seed, hashOf(fmt.Sprint("shaky", d.name, d.lives))))
	return projection.Projection{
		Name: "shaky", Version: "1", Consumes: d.w.types,
		Schema: "CREATE TABLE shaky (stream_id INTEGER, offset INTEGER, PRIMARY KEY (stream_id, offset))",
		Apply: func(tx *projection.Tx, events []millpond.Event) error {
			for i := range events {
				if err := tx.Exec("INSERT INTO shaky (stream_id, offset) VALUES (?, ?)", tx.StreamID, events[i].Offset); err != nil {
					return err
				}
				if r.Float64() < d.w.chaos.shaky && !d.w.chaos.over {
					return errPlanted
				}
			}
			return nil
		},
	}
}

// retryProjection has the user correct what was wrong with the projection.
func (d *device) retryProjection() {
	err := d.mirror.RetryProjection(context.Background(), "shaky")
	d.w.trace.add("%s retries its projection: %v", d.name, err == nil)
}

// checkProjections compares each projection with the events, up to where it says that it is.
func (d *device) checkProjections() error {
	r, err := d.query(`SELECT p.name, p.stream_id, p.offset, p.state, s.offset FROM projections AS p JOIN streams AS s ON s.id = p.stream_id
		WHERE p.serving = 1 ORDER BY p.name, p.stream_id`)
	if err != nil {
		return d.excused(err)
	}
	for _, row := range r.Rows {
		name, id, offset, state := row[0].(string), row[1].(int64), row[2].(int64), row[3].(string)
		if name != "shaky" && state == "failed" || state == "current" && offset != row[4].(int64) {
			return fmt.Errorf("projection %s is %s at %d of %d", name, state, offset, row[4])
		}
		if err := d.checkProjection(name, id, offset); err != nil {
			return err
		}
	}
	return nil
}

var folds = map[string]struct{ rows, fold string }{
	"counts": {"SELECT type, n FROM counts WHERE stream_id = ? ORDER BY type",
		"SELECT type, count(*) FROM events WHERE stream_id = ? AND offset <= ? GROUP BY type ORDER BY type"},
	"shaky": {"SELECT offset FROM shaky WHERE stream_id = ? ORDER BY offset",
		"SELECT offset FROM events WHERE stream_id = ? AND offset <= ? AND type LIKE 'sim/%' ORDER BY offset"},
	"feed": {"SELECT local_index, type, first_offset, last_offset, count, component FROM feed WHERE stream_id = ? ORDER BY local_index",
		"SELECT offset, type FROM events WHERE stream_id = ? AND offset <= ? ORDER BY offset"},
}

func (d *device) checkProjection(name string, id, offset int64) error {
	rows, err := d.query(folds[name].rows, id)
	if err != nil {
		return d.excused(err)
	}
	fold, err := d.query(folds[name].fold, id, offset)
	if err != nil {
		return d.excused(err)
	}
	want := fold.Rows
	if name == "feed" {
		want = feedOf(fold.Rows)
	}
	if !slices.EqualFunc(rows.Rows, want, slices.Equal) {
		return fmt.Errorf("projection %s of stream %d at %d is %v, its fold is %v", name, id, offset, rows.Rows, want)
	}
	return nil
}

// feedOf folds offsets and types into the rows of the feed.
func feedOf(events [][]any) (rows [][]any) {
	for _, e := range events {
		offset, typ := e[0].(int64), e[1].(string)
		component := "group"
		for _, own := range []string{"created", "woken", "child-stream-created"} {
			if typ == millpond.SystemPrefix+own {
				component = strings.Replace(typ, "/", ".", 1)
			}
		}
		if n := len(rows); n > 0 && component == "group" && rows[n-1][1] == typ {
			rows[n-1][3], rows[n-1][4] = offset, rows[n-1][4].(int64)+1
			continue
		}
		rows = append(rows, []any{int64(len(rows)), typ, offset, offset, int64(1), component})
	}
	return rows
}
