package replica

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

const (
	benchBatch = 500 // events a batch
	benchBytes = 300 // of JSON an event
)

// BenchmarkApply is the way of a batch into the database: 500 events of 300 bytes, of eight types. It reports events a
// second. The variants show what a part of the schema costs, as docs/decisions/0005-replica-schema.md tells. "best" is the
// mean of the fastest tenth of the batches, which other work on the machine disturbs least.
func BenchmarkApply(b *testing.B) {
	for _, variant := range []struct{ name, sql string }{
		{"whole", ""},
		{"no-type-index", "DROP INDEX events_by_type"},
		{"no-index", "DROP INDEX events_by_type; DROP INDEX events_by_offset"},
		{"type-index-on-offset", "DROP INDEX events_by_type; CREATE INDEX i ON event_rows (copy_id, type, offset)"},
		{"key-index", "CREATE UNIQUE INDEX i ON event_rows (copy_id, idempotency_key)"},
		{"created-index", "CREATE INDEX i ON event_rows (copy_id, created_at)"},
	} {
		b.Run(variant.name, func(b *testing.B) { benchmarkApply(b, variant.sql) })
	}
}

func benchmarkApply(b *testing.B, sql string) {
	conn := sqlitetest.Open(b)
	r, err := Open(conn, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	if err := conn.Exec(sql); err != nil {
		b.Fatal(err)
	}
	name := millpond.Name{Namespace: "bench", Path: "/"}
	batches := benchBatches(b.N)
	took := make([]time.Duration, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range batches {
		start := time.Now()
		if _, err := r.Apply(name, "2026-01-01T00:00:00.000000000Z", &batches[i]); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(start)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N*benchBatch)/b.Elapsed().Seconds(), "events/s")
	slices.Sort(took)
	var best time.Duration
	fastest := took[:(b.N+9)/10]
	for _, d := range fastest {
		best += d
	}
	b.ReportMetric(float64(len(fastest)*benchBatch)/best.Seconds(), "best-events/s")
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
			event.Type = fmt.Sprintf("bench/type-%d", event.Offset%8)
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
