package opfs

import (
	"errors"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

func openPool(t testing.TB, d *disk) *Pool {
	t.Helper()
	pool, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func openConn(t testing.TB, pool *Pool) sqlite.Conn {
	t.Helper()
	conn, err := sqlite.Open(Database, sqlite.Options{Files: pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func mustExec(t testing.TB, conn sqlite.Conn, sql string) {
	t.Helper()
	if err := conn.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// query is the first value of a query.
func query(conn sqlite.Conn, sql string) (string, error) {
	stmt, _, err := conn.Prepare(sql)
	if err != nil {
		return "", err
	}
	defer stmt.Close()
	if !stmt.Step() {
		return "", stmt.Err()
	}
	return stmt.ColumnText(0), nil
}

// A pool has one connection, one database, and temporary files that never reach a handle.
func TestPoolConnection(t *testing.T) {
	d := newDisk()
	pool := openPool(t, d)
	conn := openConn(t, pool)
	if _, err := sqlite.Open(Database, sqlite.Options{Files: pool}); !errors.Is(err, sqlite.Busy) {
		t.Errorf("a second connection: %v", err)
	}
	if err := conn.Exec("ATTACH 'other' AS other"); !errors.Is(err, sqlite.CantOpen) {
		t.Errorf("another database: %v", err)
	}
	mustExec(t, conn, "PRAGMA temp_store=FILE; PRAGMA temp.cache_size=1; CREATE TEMP TABLE x AS SELECT randomblob(100000)")
	calls := d.calls
	mustExec(t, conn, "INSERT INTO x SELECT randomblob(100000)")
	if d.calls != calls {
		t.Error("a temporary table has reached the disk")
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	openConn(t, pool) // the first has left
}

// Every journal mode of SQLite works on the pool, though no file is ever deleted.
func TestPoolJournalModes(t *testing.T) {
	conn := openConn(t, openPool(t, newDisk()))
	mustExec(t, conn, "CREATE TABLE t(x)")
	for _, mode := range []string{"delete", "truncate", "persist", "memory", "wal"} {
		if got, err := query(conn, "PRAGMA journal_mode="+mode); err != nil || got != mode {
			t.Errorf("journal_mode=%s: %s, %v", mode, got, err)
		}
		mustExec(t, conn, "INSERT INTO t VALUES (zeroblob(10000)); BEGIN; DELETE FROM t; ROLLBACK; VACUUM")
	}
	if n, err := query(conn, "SELECT count(*) FROM t"); err != nil || n != "5" {
		t.Errorf("%s rows, %v", n, err)
	}
	if ok, err := query(conn, "PRAGMA integrity_check"); err != nil || ok != "ok" {
		t.Errorf("integrity_check: %s, %v", ok, err)
	}
}

// In the log's usual course nothing waits for the end of a commit, where SQLite can no longer roll back.
func TestPoolCommitLeavesNothingPending(t *testing.T) {
	pool := openPool(t, newDisk())
	conn := openConn(t, pool)
	mustExec(t, conn, "CREATE TABLE t(x)")
	wal := pool.file(Database + "-wal")
	settled := 0
	ends := wal.endsTransaction
	wal.endsTransaction = func(p []byte, at int64) bool {
		if !ends(p, at) {
			return false
		}
		settled++
		return true
	}
	for range 10 {
		mustExec(t, conn, "INSERT INTO t VALUES (zeroblob(10000))")
	}
	if settled != 10 || len(wal.pending) != 0 {
		t.Errorf("%d of 10 transactions sent out by their last write, %d bytes pending", settled, len(wal.pending))
	}
}

// What is pending at the end of a commit and fails then has been promised: the file is broken.
func TestPoolCommitted(t *testing.T) {
	d := newDisk()
	pool := openPool(t, d)
	database, err := pool.Open(Database, sqlite.DatabaseFile)
	if err != nil {
		t.Fatal(err)
	}
	wal := pool.file(Database + "-wal")
	mustWrite(t, wal, make([]byte, walFrameHeaderBytes), 32)
	d.fault = onlyWrites(func(int, string) (int, error) { return 0, errFake })
	if err := database.(sqlite.Committer).Committed(); err == nil {
		t.Error("the failure is not told")
	}
	d.fault = nil
	if _, err := wal.WriteAt([]byte("next"), 0); !errors.Is(err, errFake) {
		t.Errorf("a write after it: %v", err)
	}
}

// No quota is Full, whatever SQLite was doing; what is there can be read, and there is room again when there is. B16
func TestPoolFull(t *testing.T) {
	d := newDisk()
	conn := openConn(t, openPool(t, d))
	mustExec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES (1)")
	for range 3 {
		d.fault = onlyWrites(func(int, string) (int, error) { return 0, errQuota })
		if err := conn.Exec("INSERT INTO t VALUES (zeroblob(100000))"); !errors.Is(err, sqlite.Full) {
			t.Errorf("no quota: %v", err)
		}
		if n, err := query(conn, "SELECT count(*) FROM t"); err != nil || n != "1" {
			t.Errorf("while there is none: %s rows, %v", n, err)
		}
		d.fault = nil
		mustExec(t, conn, "INSERT INTO t VALUES (2); DELETE FROM t WHERE x = 2")
	}
}

func TestPoolClear(t *testing.T) {
	pool := openPool(t, newDisk())
	conn := openConn(t, pool)
	mustExec(t, conn, "CREATE TABLE t(x)")
	if err := pool.Clear(); err == nil {
		t.Error("cleared under an open connection")
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if files := pool.Files(); files[0].Name != Database || files[0].Bytes == 0 {
		t.Errorf("before: %v", files)
	}
	if err := pool.Clear(); err != nil {
		t.Fatal(err)
	}
	for _, f := range pool.Files() {
		if f.Bytes != 0 {
			t.Errorf("after: %v", f)
		}
	}
	mustExec(t, openConn(t, pool), "CREATE TABLE t(x)")
}

// A pool that is closed before its connection makes it fail, and no more.
func TestPoolClosedEarly(t *testing.T) {
	d := newDisk()
	pool := openPool(t, d)
	conn := openConn(t, pool)
	mustExec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES (1)")
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec("INSERT INTO t VALUES (2)"); !errors.Is(err, sqlite.IOErr) || !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
	next := openConn(t, openPool(t, d))
	_ = conn.Close() // must not touch the files of the next
	if n, err := query(next, "SELECT count(*) FROM t"); err != nil || n != "1" {
		t.Errorf("the next connection: %s rows, %v", n, err)
	}
	mustExec(t, next, "INSERT INTO t VALUES (3)")
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"millpond": true, "a.b-c_D9": true, "": false, ".": false, "..": false, ".a": false, "a/b": false, "a b": false,
		"é": false, string(make([]byte, 10)): false,
		"1234567890123456789012345678901234567890123456789012345678901234":  true,
		"12345678901234567890123456789012345678901234567890123456789012345": false,
	} {
		if err := checkName(name); (err == nil) != ok || (err != nil && !errors.Is(err, ErrName)) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
