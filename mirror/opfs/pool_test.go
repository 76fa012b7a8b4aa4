package opfs

import (
	"errors"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// A pool has one connection and one database: another is refused, and says why.
func TestPoolConnection(t *testing.T) {
	pool := openPool(t, faultfiles.New())
	conn := openConn(t, pool)
	if _, err := sqlite.Open(Database, sqlite.Options{Files: pool}); !errors.Is(err, sqlite.Busy) {
		t.Errorf("a second connection: %v", err)
	}
	if err := conn.Exec("ATTACH 'other' AS other"); !errors.Is(err, sqlite.CantOpen) || !errors.Is(err, errOtherFile) {
		t.Errorf("another database: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	openConn(t, pool) // the first has left
}

// Every journal mode of SQLite works on the pool, though no file is ever deleted.
func TestPoolJournalModes(t *testing.T) {
	conn := openConn(t, openPool(t, faultfiles.New()))
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
	pool := openPool(t, faultfiles.New())
	conn := openConn(t, pool)
	mustExec(t, conn, "CREATE TABLE t(x)")
	wal := pool.files[Database+"-wal"]
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
	if settled != 10 || pool.buffer.file != nil {
		t.Errorf("%d of 10 transactions sent out by their last write, %d bytes pending", settled, len(pool.buffer.data))
	}
}

// What is pending at the end of a commit and fails then has been promised: the file is broken.
func TestPoolCommitted(t *testing.T) {
	d := faultfiles.New()
	pool := openPool(t, d)
	database, err := pool.Open(Database, sqlite.DatabaseFile)
	if err != nil {
		t.Fatal(err)
	}
	wal := pool.files[Database+"-wal"]
	mustWrite(t, wal, make([]byte, walFrameHeaderBytes), 32)
	d.Fault = writesFail(faultfiles.ErrFault)
	if err := database.(sqlite.Committer).Committed(); err == nil {
		t.Error("the failure is not told")
	}
	d.Fault = nil
	if _, err := wal.WriteAt([]byte("next"), 0); !errors.Is(err, faultfiles.ErrFault) {
		t.Errorf("a write after it: %v", err)
	}
}

// No quota is Full, whatever SQLite was doing; what is there can be read, and there is room again when there is. B16
func TestPoolFull(t *testing.T) {
	d := faultfiles.New()
	conn := openConn(t, openPool(t, d))
	mustExec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES (1)")
	for range 3 {
		d.Fault = writesFail(errQuota)
		if err := conn.Exec("INSERT INTO t VALUES (zeroblob(100000))"); !errors.Is(err, sqlite.Full) {
			t.Errorf("no quota: %v", err)
		}
		if n, err := query(conn, "SELECT count(*) FROM t"); err != nil || n != "1" {
			t.Errorf("while there is none: %s rows, %v", n, err)
		}
		d.Fault = nil
		mustExec(t, conn, "INSERT INTO t VALUES (2); DELETE FROM t WHERE x = 2")
	}
}

// A pool that is closed before its connection makes it fail, and no more.
func TestPoolClosedEarly(t *testing.T) {
	d := faultfiles.New()
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
