package sqlite_test

import (
	"errors"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// A kept statement follows the schema: it has the columns, finds the tables and uses the indexes that there are now.
func testSchemaChanges(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(a); INSERT INTO t VALUES (1)")
	all := prepare(t, conn, "SELECT * FROM t WHERE a = ?")
	insert := prepare(t, conn, "INSERT INTO t(a) VALUES (?)")
	bind(t, all, 1, int64(1))
	for _, c := range []struct {
		change  string
		columns []string
	}{
		{"SELECT 1", []string{"a"}},
		{"ALTER TABLE t ADD COLUMN b DEFAULT 'new'", []string{"a", "b"}},
		{"CREATE INDEX i ON t(a)", []string{"a", "b"}},
		{"ALTER TABLE t RENAME COLUMN b TO c", []string{"a", "c"}},
		{"DROP INDEX i; ALTER TABLE t DROP COLUMN c", []string{"a"}},
		{"VACUUM", []string{"a"}},
		{"ALTER TABLE t RENAME TO other; CREATE TABLE t(x, a); INSERT INTO t VALUES ('x', 1)", []string{"x", "a"}},
	} {
		exec(t, conn, c.change)
		if !all.Step() {
			t.Fatalf("after %s: no row, %v", c.change, all.Err())
		}
		var names []string
		for i := range all.ColumnCount() {
			names = append(names, all.ColumnName(i))
		}
		check(t, "columns after "+c.change, names, c.columns)
		if all.Step() || all.Err() != nil {
			t.Errorf("after %s: more rows, or %v", c.change, all.Err())
		}
		all.Reset()
	}
	exec(t, conn, "DROP TABLE t")
	for _, stmt := range []sqlite.Stmt{all, insert} {
		if stmt.Step() || !errors.Is(stmt.Err(), sqlite.Failed) || stmt.Err().Error() != "sqlite: no such table: t" {
			t.Error("without the table:", stmt.Err())
		}
		stmt.Reset()
	}
	exec(t, conn, "CREATE TABLE t(a, b, c)")
	bind(t, insert, 1, int64(1))
	if err := insert.Exec(); err != nil {
		t.Error("with it again:", err)
	}
	if !all.Step() || all.ColumnCount() != 3 {
		t.Error("with it again:", all.Err())
	}
}

// What a statement in the middle of its rows keeps from happening, and what happens to it.
func testPendingStatements(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3)")
	rows := prepare(t, conn, "SELECT x FROM t")
	first := func() {
		t.Helper()
		rows.Reset()
		if !rows.Step() || rows.ColumnInt64(0) != 1 {
			t.Fatal(rows.Err())
		}
	}
	first()
	for sql, code := range map[string]sqlite.Code{"DROP TABLE t": sqlite.Locked, "VACUUM": sqlite.Failed} {
		if err := conn.Exec(sql); !errors.Is(err, code) {
			t.Errorf("%s meanwhile: %v", sql, err)
		}
	}
	exec(t, conn, "BEGIN; INSERT INTO t VALUES (4); COMMIT; CREATE TABLE u(x)")
	for _, want := range []int64{2, 3, 4} {
		if !rows.Step() || rows.ColumnInt64(0) != want {
			t.Fatalf("after a commit, row %d: %v", want, rows.Err())
		}
	}
	first()
	exec(t, conn, "BEGIN; INSERT INTO u VALUES (1); ROLLBACK")
	if !rows.Step() {
		t.Error("after a rollback elsewhere:", rows.Err())
	}
	first()
	exec(t, conn, "BEGIN; CREATE TABLE v(x); ROLLBACK")
	var e *sqlite.Error
	if rows.Step() || !errors.As(rows.Err(), &e) || e.Extended != 516 {
		t.Error("after the schema was rolled back:", rows.Err())
	}
	rows.Reset()
	exec(t, conn, "BEGIN; INSERT INTO t VALUES (5)")
	if err := rows.Exec(); err != nil {
		t.Error("Exec of a query:", err)
	}
	exec(t, conn, "COMMIT")
}

// A query may run in the loop of another, the same SQL too, and write to the table that the loop does not read.
func testNestedQueries(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3); CREATE TABLE sums(x, sum)")
	outer, inner := prepare(t, conn, "SELECT x FROM t ORDER BY x"), prepare(t, conn, "SELECT x FROM t ORDER BY x")
	insert := prepare(t, conn, "INSERT INTO sums VALUES (?, ?)")
	for outer.Step() {
		sum := int64(0)
		for inner.Step() {
			sum += inner.ColumnInt64(0) * outer.ColumnInt64(0)
		}
		if err := errors.Join(inner.Err(), inner.Reset()); err != nil {
			t.Fatal(err)
		}
		bind(t, insert, 1, outer.ColumnInt64(0))
		bind(t, insert, 2, sum)
		if err := insert.Exec(); err != nil {
			t.Fatal(err)
		}
	}
	if err := outer.Err(); err != nil {
		t.Fatal(err)
	}
	check(t, "sums", value(t, conn, "SELECT group_concat(x || ':' || sum) FROM sums"), "1:6,2:12,3:18")
}
