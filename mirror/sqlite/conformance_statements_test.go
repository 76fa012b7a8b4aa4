package sqlite_test

import (
	"errors"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

func testPrepare(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	for _, c := range []struct {
		sql, tail string
		none      bool
	}{
		{sql: "SELECT 1"},
		{sql: "SELECT 1;"},
		{sql: "SELECT 1; SELECT 'é';", tail: " SELECT 'é';"},
		{sql: "", none: true},
		{sql: " -- a comment", none: true},
		{sql: "/* é */", none: true},
	} {
		stmt, tail, err := conn.Prepare(c.sql)
		if err != nil || (stmt == nil) != c.none || tail != c.tail {
			t.Errorf("%q: statement %v, tail %q, error %v", c.sql, stmt, tail, err)
		}
		if stmt != nil {
			stmt.Close()
		}
	}
}

func testReadOnly(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x)")
	for sql, want := range map[string]bool{
		"SELECT * FROM t":                    true,
		"WITH c AS (SELECT 1) SELECT 1":      true,
		"PRAGMA user_version":                true,
		"BEGIN":                              true,
		"INSERT INTO t VALUES (1)":           false,
		"DELETE FROM t":                      false,
		"UPDATE t SET x = 1 RETURNING x":     false,
		"CREATE TABLE u(x)":                  false,
		"DROP TABLE t":                       false,
		"PRAGMA user_version = 7":            false,
		"VACUUM":                             false,
		"BEGIN IMMEDIATE":                    false,
		"WITH c AS (SELECT 1) DELETE FROM t": false,
	} {
		if got := prepare(t, conn, sql).ReadOnly(); got != want {
			t.Errorf("%s: ReadOnly is %t", sql, got)
		}
	}
}

// A statement runs again with the bindings that it has.
func testRebinding(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(a, b)")
	insert := prepare(t, conn, "INSERT INTO t VALUES (?, ?)")
	bind(t, insert, 1, "kept")
	buffer := []byte("first")
	for i := range 3 {
		if err := insert.BindBlob(2, buffer); err != nil {
			t.Fatal(err)
		}
		copy(buffer, "XXXXX") // the value was copied
		if err := insert.Exec(); err != nil {
			t.Fatal(i, err)
		}
		copy(buffer, "again")
	}
	check(t, "rows", value(t, conn, "SELECT group_concat(a || ' ' || b) FROM t"), "kept first,kept again,kept again")
}

// A connection with open statements stays open.
func testClose(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	stmt := prepare(t, conn, "SELECT 1")
	if err := conn.Close(); !errors.Is(err, sqlite.Busy) {
		t.Errorf("close with an open statement: %v", err)
	}
	if !stmt.Step() {
		t.Error("the statement is dead:", stmt.Err())
	}
	stmt.Close()
	for range 2 {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}
