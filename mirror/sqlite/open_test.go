package sqlite_test

import (
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

func TestOpenAgain(t *testing.T) {
	storage := durable(t)
	conn := storage.Open()
	exec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES (1)")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	check(t, "rows", value(t, storage.Open(), "SELECT count(*) FROM t"), int64(1))
}

// A killed process leaves what it has committed, and nothing of what it has not, though the log had some of it.
func TestCrash(t *testing.T) {
	storage := durable(t)
	conn := storage.Open()
	exec(t, conn, "PRAGMA cache_size=10; CREATE TABLE t(x, y DEFAULT (zeroblob(4000)))")
	for round := range 5 {
		const committed, lost = "INSERT INTO t(x) SELECT 'committed' FROM fifty", "INSERT INTO t(x) SELECT 'lost' FROM fifty"
		exec(t, conn, fifty+"BEGIN; "+committed+"; COMMIT; BEGIN; "+lost+"; UPDATE t SET x = 'lost'")
		storage.Crash()
		conn = storage.Open()
		check(t, "rows", value(t, conn, "SELECT count(*) FROM t"), int64(50*(round+1)))
		check(t, "lost rows", value(t, conn, "SELECT count(*) FROM t WHERE x = 'lost'"), int64(0))
		check(t, "integrity", value(t, conn, "PRAGMA integrity_check"), "ok")
	}
}

const fifty = `CREATE TEMP VIEW IF NOT EXISTS fifty AS
	WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 50) SELECT i FROM r;`

// The settings that the mirror counts on.
func TestSettings(t *testing.T) {
	conn := durable(t).Open()
	for pragma, want := range map[string]any{
		"journal_mode": "wal", "locking_mode": "exclusive", "synchronous": int64(1), "journal_size_limit": int64(4 << 20),
	} {
		check(t, pragma, value(t, conn, "PRAGMA "+pragma), want)
	}
}

func durable(t *testing.T) *sqlitetest.Storage {
	t.Helper()
	storage := sqlitetest.New(t)
	if !storage.Durable() {
		t.Skip("there are no files here")
	}
	return storage
}

// BenchmarkInsert is the floor under the mirror: events of 300 bytes, 500 a transaction, as rows of an indexed table.
func BenchmarkInsert(b *testing.B) {
	const perTransaction, warmUp = 500, 100
	conn := sqlitetest.Open(b)
	exec(b, conn, `CREATE TABLE events(stream_id, offset, type, created_at, payload, UNIQUE(stream_id, offset))`)
	for _, c := range []struct{ name, payload string }{{"text", "?5"}, {"jsonb", "jsonb(?5)"}} {
		b.Run(c.name, func(b *testing.B) {
			exec(b, conn, "DELETE FROM events; PRAGMA wal_checkpoint(TRUNCATE)")
			insert := prepare(b, conn, "INSERT INTO events VALUES (?1, ?2, ?3, ?4, "+c.payload+")")
			defer insert.Close()
			offset := 0
			transact := func() {
				exec(b, conn, "BEGIN")
				for range perTransaction {
					offset++
					insertEvent(b, insert, offset)
				}
				exec(b, conn, "COMMIT")
			}
			for range warmUp { // a browser compiles better what it has seen for a while
				transact()
			}
			for b.Loop() {
				transact()
			}
			rows := offset - warmUp*perTransaction
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func insertEvent(b *testing.B, insert sqlite.Stmt, offset int) {
	bind(b, insert, 1, int64(1))
	bind(b, insert, 2, int64(offset))
	bind(b, insert, 3, "page/viewed")
	bind(b, insert, 4, "2026-01-01T00:00:00.000000000Z")
	bind(b, insert, 5, payload)
	if err := insert.Exec(); err != nil {
		b.Fatal(err)
	}
}

// payload makes an event of about 300 bytes.
const payload = `{"user":"0190f3c2-7b1e-7cc3-98c4-dc0c0c07398f","path":"/docs/getting-started","referrer":"https://example.org/search",` +
	`"duration":1843,"viewport":{"width":1280,"height":800},"tags":["docs","first-visit"],"agent":"Mozilla/5.0 (X11; Linux)"}`
