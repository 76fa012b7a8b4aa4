package sqlite_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

func testChanges(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t(x) VALUES (1), (2), (3)")
	check(t, "inserted", conn.Changes(), int64(3))
	check(t, "rowid", conn.LastInsertRowID(), int64(3))
	exec(t, conn, "INSERT OR IGNORE INTO t VALUES (3, 0)")
	check(t, "ignored", conn.Changes(), int64(0))
	exec(t, conn, "UPDATE t SET x = 0 WHERE x > 1")
	check(t, "updated", conn.Changes(), int64(2))
	exec(t, conn, "INSERT INTO t VALUES (9223372036854775807, 0)")
	check(t, "largest rowid", conn.LastInsertRowID(), int64(9223372036854775807))
}

func testTransactions(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x UNIQUE)")
	check(t, "outside", conn.InTransaction(), false)
	exec(t, conn, "BEGIN; INSERT INTO t VALUES (1)")
	check(t, "inside", conn.InTransaction(), true)
	if err := conn.Exec("INSERT INTO t VALUES (2), (1)"); !errors.Is(err, sqlite.Constraint) {
		t.Error(err)
	}
	check(t, "after a failed statement", conn.InTransaction(), true)
	exec(t, conn, "COMMIT")
	check(t, "the failed statement has left nothing", value(t, conn, "SELECT group_concat(x) FROM t"), "1")
	exec(t, conn, "BEGIN; DELETE FROM t; SAVEPOINT s; INSERT INTO t VALUES (5); ROLLBACK TO s; RELEASE s")
	check(t, "in the transaction", value(t, conn, "SELECT count(*) FROM t"), int64(0))
	exec(t, conn, "ROLLBACK")
	check(t, "rolled back", value(t, conn, "SELECT group_concat(x) FROM t"), "1")
	if err := conn.Exec("BEGIN; INSERT OR ROLLBACK INTO t VALUES (1)"); !errors.Is(err, sqlite.Constraint) {
		t.Error(err)
	}
	check(t, "SQLite has rolled back itself", conn.InTransaction(), false)
}

// Savepoints nest; one that is rolled back to stays, and a failed statement does not touch them.
func testSavepoints(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x UNIQUE); SAVEPOINT a; INSERT INTO t VALUES (1); SAVEPOINT b; INSERT INTO t VALUES (2)")
	check(t, "a savepoint begins a transaction", conn.InTransaction(), true)
	if err := conn.Exec("INSERT INTO t VALUES (3), (1)"); !errors.Is(err, sqlite.Constraint) {
		t.Error(err)
	}
	exec(t, conn, "SAVEPOINT a; INSERT INTO t VALUES (4); RELEASE a") // the inner one of that name
	rows := func() any { return value(t, conn, "SELECT group_concat(x) FROM t") }
	check(t, "inside", rows(), "1,2,4")
	exec(t, conn, "ROLLBACK TO b")
	check(t, "rolled back", rows(), "1")
	exec(t, conn, "INSERT INTO t VALUES (5); ROLLBACK TO b; INSERT INTO t VALUES (6); RELEASE b")
	check(t, "released", rows(), "1,6")
	exec(t, conn, "RELEASE a")
	check(t, "the outermost commits", conn.InTransaction(), false)
	check(t, "committed", rows(), "1,6")
}

func testUpdates(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x); CREATE TABLE u(x); CREATE TABLE w(k PRIMARY KEY) WITHOUT ROWID")
	var seen []string
	conn.OnUpdate(func(table string, rowid int64) { seen = append(seen, fmt.Sprint(table, " ", rowid)) })
	exec(t, conn, "INSERT INTO t VALUES (1), (2); UPDATE t SET x = 3 WHERE x = 2; DELETE FROM t WHERE x = 1; INSERT INTO w VALUES (1)")
	exec(t, conn, "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO u VALUES (new.x); END; INSERT INTO t VALUES (4)")
	check(t, "rows", seen, []string{"t 1", "t 2", "t 2", "t 1", "t 3", "u 1"})
	// What SQLite does not tell of.
	exec(t, conn, "CREATE TABLE k(id INTEGER PRIMARY KEY); INSERT INTO k VALUES (7)")
	seen = nil
	exec(t, conn, "INSERT OR REPLACE INTO k VALUES (7); DELETE FROM k")
	check(t, "REPLACE, and DELETE without WHERE", seen, []string{"k 7"})
	conn.OnUpdate(nil)
	exec(t, conn, "INSERT INTO t VALUES (5)")
	check(t, "calls after the end", len(seen), 1)
}

// The authorizer names the tables that a statement reads, also through views and subqueries: live queries stand on it.
func testAuthorizer(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x, y); CREATE TABLE u(x); CREATE VIEW v AS SELECT y FROM t")
	for sql, want := range map[string][]string{
		"SELECT x FROM t":                       {"select", "read t.x"},
		"SELECT count(*) FROM u":                {"select", "function count", "read u."},
		"SELECT y FROM v":                       {"select", "read t.y", "read v.y"},
		"SELECT 1 WHERE 1 IN (SELECT x FROM u)": {"select", "read u.x"},
		"INSERT INTO t(x) VALUES (upper('a'))":  {"insert t", "function upper"},
		"UPDATE t SET x = y":                    {"update t.x", "read t.y"},
		"DELETE FROM u":                         {"delete u"},
		"WITH RECURSIVE r(i) AS (SELECT 1 UNION SELECT i+1 FROM r) SELECT 1 FROM r": {"select", "recursive"},
		"PRAGMA user_version": {"pragma user_version"},
		"DROP TABLE u":        {"other u"},
		"BEGIN":               {"other BEGIN"},
	} {
		var seen []string
		if err := conn.OnAuthorize(func(a sqlite.Access) sqlite.Verdict {
			seen = append(seen, describe(a))
			return sqlite.Allow
		}); err != nil {
			t.Fatal(err)
		}
		prepare(t, conn, sql).Close()
		for _, access := range want {
			if !slices.Contains(seen, access) {
				t.Errorf("%s: asked about %q, not about %q", sql, seen, access)
			}
		}
	}
	if err := conn.OnAuthorize(nil); err != nil {
		t.Fatal(err)
	}
}

func describe(a sqlite.Access) string {
	switch a.Action {
	case sqlite.Select:
		return "select"
	case sqlite.Read:
		return "read " + a.Table + "." + a.Column
	case sqlite.Insert:
		return "insert " + a.Table
	case sqlite.Update:
		return "update " + a.Table + "." + a.Column
	case sqlite.Delete:
		return "delete " + a.Table
	case sqlite.Function:
		return "function " + a.Name
	case sqlite.Recursive:
		return "recursive"
	case sqlite.Pragma:
		return "pragma " + a.Name
	}
	return "other " + a.Name
}

func testDeny(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x)")
	if err := conn.OnAuthorize(func(a sqlite.Access) sqlite.Verdict { return a.Action != sqlite.Delete }); err != nil {
		t.Fatal(err)
	}
	if _, _, err := conn.Prepare("DELETE FROM t"); !errors.Is(err, sqlite.Denied) {
		t.Errorf("denied: %v", err)
	}
	exec(t, conn, "INSERT INTO t VALUES (1)")
	if err := conn.OnAuthorize(nil); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, "DELETE FROM t")
}

func testInterrupt(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	const endless = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r) SELECT count(*) FROM r"
	exec(t, conn, "CREATE TABLE t(x); BEGIN; INSERT INTO t VALUES (1)")
	stmt := prepare(t, conn, endless)
	for range 2 { // it can be interrupted, and used, again
		asked := 0
		conn.OnProgress(func() bool { asked++; return asked > 100 })
		if stmt.Step() || !errors.Is(stmt.Err(), sqlite.Interrupt) {
			t.Fatal("not interrupted:", stmt.Err())
		}
		if err := conn.Exec("SELECT 1"); !errors.Is(err, sqlite.Interrupt) {
			t.Errorf("another call meanwhile: %v", err)
		}
		conn.OnProgress(nil)
		stmt.Reset()
	}
	exec(t, conn, "COMMIT")
	check(t, "the transaction goes on", value(t, conn, "SELECT count(*) FROM t"), int64(1))
}

// A statement that is stopped in the middle of a write takes its whole transaction with it, as SQLite says.
func testStopWrite(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x); BEGIN; INSERT INTO t VALUES (0)")
	const write = `WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i < 100000) INSERT INTO t SELECT i FROM r`
	rows, asked := 0, 0
	conn.OnUpdate(func(string, int64) { rows++ })
	conn.OnProgress(func() bool { asked++; return rows > 1000 })
	if err := conn.Exec(write); !errors.Is(err, sqlite.Interrupt) {
		t.Fatal(err)
	}
	if rows > 50_000 || asked < 3 {
		t.Errorf("stopped after %d rows, asked %d times", rows, asked)
	}
	conn.OnProgress(nil)
	conn.OnUpdate(nil)
	check(t, "in a transaction", conn.InTransaction(), false)
	check(t, "rows", value(t, conn, "SELECT count(*) FROM t"), int64(0))
}
