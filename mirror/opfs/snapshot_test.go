package opfs

import (
	"errors"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

const countRows = "SELECT count(*) || ' ' || ifnull(sum(length(x)), 0) FROM t"

func openSnapshot(t *testing.T, pool *Pool) (sqlite.Conn, *Snapshot) {
	t.Helper()
	s := pool.Snapshot()
	conn, err := sqlite.Open(Database, sqlite.Options{Files: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn, s
}

func wantRows(t *testing.T, conn sqlite.Conn, want string) {
	t.Helper()
	if got, err := query(conn, countRows); err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// A snapshot is the database of its moment, whatever the connection writes after it: of the file, of a log that goes on, and
// with a part of the log that no transaction has.
func TestSnapshot(t *testing.T) {
	pool := openPool(t, faultfiles.New())
	conn := openConn(t, pool)
	mustExec(t, conn, "PRAGMA cache_size = 4; CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(10000)); PRAGMA wal_autocheckpoint = 0; PRAGMA wal_checkpoint(TRUNCATE)")
	if pool.WALSize() != 0 {
		t.Fatalf("%d bytes are in the log", pool.WALSize())
	}
	first, _ := openSnapshot(t, pool)
	mustExec(t, conn, "INSERT INTO t VALUES (zeroblob(20000))")
	mustExec(t, conn, "BEGIN; INSERT INTO t VALUES (zeroblob(200000)); ROLLBACK") // some of it is in the log
	second, _ := openSnapshot(t, pool)
	for range 10 {
		mustExec(t, conn, "UPDATE t SET x = zeroblob(length(x) + 1); INSERT INTO t VALUES (zeroblob(1))")
	}
	for range 2 { // before and after they know the pages
		wantRows(t, first, "1 10000")
		wantRows(t, second, "2 30000")
	}
	wantRows(t, conn, "12 30075")
	if err := second.Exec("INSERT INTO t VALUES (1)"); !errors.Is(err, sqlite.ReadOnly) {
		t.Errorf("a write: %v", err)
	}
}

// What writes over a snapshot ends it: it answers nothing rather than a mixture.
func TestSnapshotOvertaken(t *testing.T) {
	for name, sql := range map[string]string{
		"checkpoint":  "PRAGMA wal_checkpoint",
		"new log":     "PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES (2)",
		"truncation":  "PRAGMA wal_checkpoint(TRUNCATE)",
		"journal":     "PRAGMA journal_mode = DELETE; INSERT INTO t VALUES (3)",
		"smaller one": "DELETE FROM t; VACUUM; PRAGMA wal_checkpoint",
	} {
		t.Run(name, func(t *testing.T) {
			pool := openPool(t, faultfiles.New())
			conn := openConn(t, pool)
			mustExec(t, conn, "PRAGMA wal_autocheckpoint = 0; CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(10000))")
			snapshot, s := openSnapshot(t, pool)
			mustExec(t, snapshot, "PRAGMA cache_size = 1")
			wantRows(t, snapshot, "1 10000")
			mustExec(t, conn, sql)
			if got, err := query(snapshot, countRows); !errors.Is(err, sqlite.Abort) {
				t.Errorf("%q, %v", got, err)
			}
			if left := s.Close(); left != 0 {
				t.Errorf("%d are left", left)
			}
		})
	}
}
