package projection_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/feed"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

const (
	benchBatch = 500 // events a batch
	benchBytes = 300 // of JSON an event
)

// goTally selects and upserts a row for each event.
func goTally() projection.Projection {
	return projection.Projection{
		Name: "go_tally", Version: "1", Consumes: []string{"*"},
		Schema: "CREATE TABLE go_tally (stream_id INTEGER, who INTEGER, n INTEGER, last INTEGER, PRIMARY KEY (stream_id, who)) STRICT, WITHOUT ROWID",
		Apply: func(tx *projection.Tx, events []millpond.Event) error {
			for i := range events {
				e := &events[i]
				who, n := int64(e.Offset*7919%1000), int64(0)
				err := tx.Query("SELECT n FROM go_tally WHERE stream_id = ? AND who = ?", func(row sqlite.Stmt) error {
					n = row.ColumnInt64(0)
					return nil
				}, tx.StreamID, who)
				if err == nil {
					err = tx.Exec(`INSERT INTO go_tally VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = excluded.n, last = excluded.last`, tx.StreamID, who, n+1, e.Offset)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// sqlTally upserts a row for each event by a member of its payload.
func sqlTally() projection.Projection {
	return projection.SQL{
		Name:   "sql_tally",
		Schema: projection.Texts{"CREATE TABLE sql_tally (stream_id INTEGER, who TEXT, n INTEGER, total REAL, PRIMARY KEY (stream_id, who)) STRICT, WITHOUT ROWID"},
		On: map[string]projection.Texts{"*": {`INSERT INTO sql_tally VALUES (:stream_id, :payload ->> 'name', 1, :payload ->> 'price')
			ON CONFLICT DO UPDATE SET n = n + 1, total = total + excluded.total`}},
	}.Projection()
}

// BenchmarkApply is the way of a batch of 500 events of 300 bytes, of eight types, into the database with projections. "alone" is
// without any: the others are to be read beside it. "best" is the mean of the fastest tenth of the batches.
func BenchmarkApply(b *testing.B) {
	for _, c := range []struct {
		name string
		list []projection.Projection
	}{
		{"alone", nil},
		{"feed", []projection.Projection{feed.Projection()}},
		{"go", []projection.Projection{goTally()}},
		{"sql", []projection.Projection{sqlTally()}},
		{"feed+go+sql", []projection.Projection{feed.Projection(), goTally(), sqlTally()}},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkApply(b, c.list) })
	}
}

func benchmarkApply(b *testing.B, list []projection.Projection) {
	r := benchRig(b, list)
	batches := benchBatches(b.N)
	took := make([]time.Duration, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range batches {
		start := time.Now()
		if _, err := r.replica.Apply(pond, benchLife, &batches[i]); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(start)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N*benchBatch)/b.Elapsed().Seconds(), "events/s")
	slices.Sort(took)
	fastest := took[:(b.N+9)/10]
	var best time.Duration
	for _, d := range fastest {
		best += d
	}
	b.ReportMetric(float64(len(fastest)*benchBatch)/best.Seconds(), "best-events/s")
	r.want("SELECT count(*) FROM projections WHERE state <> 'current'", "0\n")
}

// BenchmarkBuild is a version built from the events in the mirror.
func BenchmarkBuild(b *testing.B) {
	const batches = 40
	r := benchRig(b, nil)
	for _, batch := range benchBatches(batches) {
		if _, err := r.replica.Apply(pond, benchLife, &batch); err != nil {
			b.Fatal(err)
		}
	}
	var spent, longest time.Duration
	for range b.N {
		r.reopen(goTally())
		for r.set.Behind() {
			start := time.Now()
			if err := r.set.Step(); err != nil {
				b.Fatal(err)
			}
			took := time.Since(start)
			spent, longest = spent+took, max(longest, took)
		}
		r.reopen()
	}
	b.ReportMetric(float64(b.N*batches*benchBatch)/spent.Seconds(), "events/s")
	b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
}

// BenchmarkOptimistic is a query of one row with so many events pending, in appends of one, beside 20,000 confirmed ones.
func BenchmarkOptimistic(b *testing.B) {
	r := benchRig(b, []projection.Projection{goTally(), sqlTally()})
	for _, batch := range benchBatches(40) {
		if _, err := r.replica.Apply(pond, benchLife, &batch); err != nil {
			b.Fatal(err)
		}
	}
	stmt, _, err := r.conn.Prepare("SELECT n FROM go_tally WHERE stream_id = 1 AND who = 7")
	if err != nil {
		b.Fatal(err)
	}
	defer stmt.Close()
	for _, n := range []int{0, 1, 10, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var pending []projection.Pending
			for i := range n {
				pending = append(pending, projection.Pending{Stream: pond, Events: []millpond.Event{{Type: "bench/type-1", Payload: benchPayload(uint64(i)), CreatedAt: time.Unix(1e9, 0)}}})
			}
			b.ResetTimer()
			for range b.N {
				if err := r.set.WithPending(pending, stmt.Exec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

const benchLife millpond.Incarnation = "2026-01-01T00:00:00.000000000Z"

func benchRig(b *testing.B, list []projection.Projection) *rig {
	r := &rig{t: b, conn: sqlitetest.Open(b)}
	r.reopen(list...)
	b.Cleanup(r.close)
	return r
}

func benchBatches(n int) []millpond.Batch {
	batches := make([]millpond.Batch, n)
	var hash millpond.Hash
	var record []byte
	event := millpond.Event{CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}
	for i := range batches {
		batch := &batches[i]
		for range benchBatch {
			event.Offset++
			event.CreatedAt = event.CreatedAt.Add(time.Millisecond)
			event.Type = fmt.Sprintf("bench/type-%d", event.Offset/7%8) // runs of seven
			event.Payload = benchPayload(event.Offset)
			record = millpond.AppendRecord(record[:0], &event)
			batch.Records = millpond.AppendFramedRecord(batch.Records, record)
			hash = hash.Next(record)
		}
		batch.LastOffset, batch.MaxOffset, batch.Hash = event.Offset, event.Offset, hash
	}
	return batches
}

func benchPayload(n uint64) json.RawMessage {
	head := fmt.Sprintf(`{"id":%d,"name":"user-%d","price":%d.5,"tags":["a","b"],"ok":true,"text":"`, n, n%97, n%1000)
	return json.RawMessage(head + strings.Repeat("x", benchBytes-len(head)-2) + `"}`)
}
