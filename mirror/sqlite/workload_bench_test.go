package sqlite_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// The workloads of `make bench-engine`: e2e/testdata/engine/workload.js runs the same statements, on the same values, on
// other engines for the browser. A change here is a change there. Run with -benchtime=1x: an iteration is a whole workload.
const (
	workloadSchema = "CREATE TABLE events(offset INTEGER PRIMARY KEY, type TEXT NOT NULL, created_at TEXT NOT NULL, payload TEXT NOT NULL)"
	workloadInsert = "INSERT INTO events VALUES (?, ?, ?, ?)"
	workloadAt     = "2026-11-23T10:00:00.000Z"
	workloadRows   = 20_000 // of the table that is read
)

// BenchmarkWorkload reports a figure each: rows or statements a second, or the time of one query.
func BenchmarkWorkload(b *testing.B) {
	for _, w := range []struct {
		name string
		run  func(*testing.B, sqlite.Conn)
	}{
		{"insert-1000", func(b *testing.B, conn sqlite.Conn) { workloadInserts(b, conn, 1000, 40_000) }},
		{"insert-100", func(b *testing.B, conn sqlite.Conn) { workloadInserts(b, conn, 100, 20_000) }},
		{"insert-1", func(b *testing.B, conn sqlite.Conn) { workloadInserts(b, conn, 1, 1000) }},
		{"projection", func(b *testing.B, conn sqlite.Conn) { workloadProjection(b, conn, 500, 20_000) }},
		{"range", workloadRange},
		{"point", workloadPoint},
		{"scan", workloadScan},
	} {
		b.Run(w.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				conn := sqlitetest.Open(b)
				exec(b, conn, "PRAGMA synchronous=FULL; PRAGMA cache_size=-8000; "+workloadSchema)
				workloadPayloads()
				w.run(b, conn)
			}
		})
	}
}

// insertRows inserts n rows by so many a transaction.
func insertRows(b *testing.B, conn sqlite.Conn, perTransaction, n int) {
	insert := prepare(b, conn, workloadInsert)
	for i := 0; i < n; {
		exec(b, conn, "BEGIN IMMEDIATE")
		for end := min(n, i+perTransaction); i < end; i++ {
			insertRow(b, insert, i)
		}
		exec(b, conn, "COMMIT")
	}
}

func insertRow(b *testing.B, insert sqlite.Stmt, i int) {
	insert.BindInt64(1, int64(i+1))
	insert.BindText(2, "order.created")
	insert.BindText(3, workloadAt)
	insert.BindText(4, workloadPayloads()[i])
	if err := insert.Exec(); err != nil {
		b.Fatal(err)
	}
}

// workloadPayloads are made before anything is measured: about 300 bytes of JSON each.
var workloadPayloads = sync.OnceValue(func() []string {
	payloads := make([]string, 40_000)
	note := strings.Repeat("lorem ipsum ", 10)
	for i := range payloads {
		payloads[i] = fmt.Sprintf(`{"id":"evt-%08d","user":{"id":%d,"name":"user-%d","email":"user%d@example.com"},"amount":%d.%02d,"currency":"EUR","tags":["alpha","beta","gamma-%d"],"note":"%s"}`,
			i, i%997, i%997, i%997, i%1000, i%100, i%17, note)
	}
	return payloads
})

func workloadInserts(b *testing.B, conn sqlite.Conn, perTransaction, n int) {
	b.StartTimer()
	insertRows(b, conn, perTransaction, n)
	b.StopTimer()
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// workloadProjection does for each event what a projection does: a select, an upsert into 5,000 rows, and the event itself.
func workloadProjection(b *testing.B, conn sqlite.Conn, perTransaction, n int) {
	const accounts = 5000
	exec(b, conn, "CREATE TABLE balance(id TEXT PRIMARY KEY, n INTEGER NOT NULL, total INTEGER NOT NULL, last TEXT NOT NULL)")
	keys := make([]string, accounts)
	for i := range keys {
		keys[i] = fmt.Sprintf("account-%06d", i)
	}
	read := prepare(b, conn, "SELECT n, total, last FROM balance WHERE id = ?")
	upsert := prepare(b, conn, `INSERT INTO balance VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET n = excluded.n, total = excluded.total, last = excluded.last`)
	insert := prepare(b, conn, workloadInsert)
	random := workloadRandom(777)
	b.StartTimer()
	for i := 0; i < n; {
		exec(b, conn, "BEGIN IMMEDIATE")
		for end := min(n, i+perTransaction); i < end; i++ {
			key := keys[random()%accounts]
			var count, total int64
			read.BindText(1, key)
			if read.Step() {
				count, total, _ = read.ColumnInt64(0), read.ColumnInt64(1), read.ColumnText(2)
			}
			if err := read.Reset(); err != nil {
				b.Fatal(err)
			}
			upsert.BindText(1, key)
			upsert.BindInt64(2, count+1)
			upsert.BindInt64(3, total+int64(i))
			upsert.BindText(4, workloadAt)
			if err := upsert.Exec(); err != nil {
				b.Fatal(err)
			}
			insertRow(b, insert, i)
		}
		exec(b, conn, "COMMIT")
	}
	b.StopTimer()
	check(b, "events counted", value(b, conn, "SELECT sum(n) FROM balance"), int64(n))
	check(b, "total", value(b, conn, "SELECT sum(total) FROM balance"), int64(n)*int64(n-1)/2)
	b.ReportMetric(float64(3*n*b.N)/b.Elapsed().Seconds(), "statements/s")
}

// workloadRandom is a generator that is the same in JavaScript.
func workloadRandom(seed uint32) func() int {
	return func() int {
		seed = seed*1664525 + 1013904223
		return int(seed >> 8)
	}
}

func workloadRange(b *testing.B, conn sqlite.Conn) {
	const queries, rows = 500, 100
	insertRows(b, conn, 1000, workloadRows)
	stmt := prepare(b, conn, "SELECT offset, type, created_at, payload FROM events WHERE offset > ? ORDER BY offset LIMIT 100")
	random := workloadRandom(12345)
	bytes := 0
	b.StartTimer()
	for range queries {
		stmt.BindInt64(1, int64(random()%(workloadRows-rows)))
		n := 0
		for stmt.Step() {
			n += int(min(1, stmt.ColumnInt64(0)))
			bytes += len(stmt.ColumnText(1)) + len(stmt.ColumnText(2)) + len(stmt.ColumnText(3))
		}
		if err := stmt.Reset(); err != nil || n != rows {
			b.Fatal(n, err)
		}
	}
	b.StopTimer()
	if bytes < queries*rows*250 {
		b.Fatalf("read %d bytes only", bytes)
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(queries*b.N), "ms/query")
}

func workloadPoint(b *testing.B, conn sqlite.Conn) {
	const queries = 20_000
	insertRows(b, conn, 1000, workloadRows)
	stmt := prepare(b, conn, "SELECT payload FROM events WHERE offset = ?")
	random := workloadRandom(54321)
	b.StartTimer()
	for range queries {
		stmt.BindInt64(1, int64(random()%workloadRows+1))
		if !stmt.Step() || len(stmt.ColumnText(0)) < 100 {
			b.Fatal("no row", stmt.Err())
		}
		stmt.Reset()
	}
	b.StopTimer()
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(queries*b.N), "µs/query")
}

func workloadScan(b *testing.B, conn sqlite.Conn) {
	const queries = 10
	insertRows(b, conn, 1000, workloadRows)
	stmt := prepare(b, conn, "SELECT sum(json_extract(payload, '$.amount')) FROM events")
	b.StartTimer()
	for range queries {
		if !stmt.Step() || stmt.ColumnFloat(0) < 1e6 {
			b.Fatal("no sum", stmt.Err())
		}
		stmt.Reset()
	}
	b.StopTimer()
	b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(queries*b.N), "ms/query")
}
