package sqlite_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Errors have our codes, SQLite's extended codes and words, whichever call they come from.
func testErrors(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, `CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL DEFAULT 0, c CHECK (c > 0));
		INSERT INTO t VALUES (1, 'taken', 0, 1);
		CREATE TABLE child(parent REFERENCES t(id)); PRAGMA foreign_keys = ON;
		CREATE TABLE strict(i INTEGER, CONSTRAINT positive CHECK (i > 0)) STRICT;
		CREATE TABLE pair(a, b, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO pair VALUES (1, 2);
		CREATE TABLE folded(u); CREATE UNIQUE INDEX lower_u ON folded(lower(u)); INSERT INTO folded VALUES ('taken');
		CREATE TRIGGER refuse BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'events are kept'); END`)
	for _, c := range []struct {
		sql      string
		code     sqlite.Code
		extended int // 0: it is the file layer's
		message  string
	}{
		{"SELEC 1", sqlite.Failed, 1, `near "SELEC": syntax error`},
		{"SELECT * FROM missing", sqlite.Failed, 1, "no such table: missing"},
		{"INSERT INTO t(u) VALUES ('taken')", sqlite.Constraint, 2067, "UNIQUE constraint failed: t.u"},
		{"INSERT INTO t(id) VALUES (1)", sqlite.Constraint, 1555, "UNIQUE constraint failed: t.id"},
		{"INSERT INTO t(n) VALUES (NULL)", sqlite.Constraint, 1299, "NOT NULL constraint failed: t.n"},
		{"INSERT INTO t(c) VALUES (0)", sqlite.Constraint, 275, "CHECK constraint failed: c > 0"},
		{"INSERT INTO folded VALUES ('TAKEN')", sqlite.Constraint, 2067, "UNIQUE constraint failed: index 'lower_u'"},
		{"INSERT INTO child VALUES (7)", sqlite.Constraint, 787, "FOREIGN KEY constraint failed"},
		{"INSERT INTO strict VALUES ('x')", sqlite.Constraint, 3091, "cannot store TEXT value in INTEGER column strict.i"},
		{"INSERT INTO strict VALUES (0)", sqlite.Constraint, 275, "CHECK constraint failed: positive"},
		{"INSERT INTO pair VALUES (1, 2)", sqlite.Constraint, 1555, "UNIQUE constraint failed: pair.a, pair.b"},
		{"DELETE FROM t", sqlite.Constraint, 1811, "events are kept"},
		{"SELECT sum(i) FROM (SELECT 9223372036854775807 AS i UNION ALL SELECT 1)", sqlite.Failed, 1, "integer overflow"},
		{"SELECT abs(-9223372036854775808)", sqlite.Failed, 1, "integer overflow"},
		{"SELECT 1 FROM t WHERE u LIKE 'x' ESCAPE 'too long'", sqlite.Failed, 1, "ESCAPE expression must be a single character"},
		{"SELECT json_extract('{}', 'no path')", sqlite.Failed, 1, "bad JSON path: 'no path'"},
		{"SELECT missing(1)", sqlite.Failed, 1, "no such function: missing"},
		{"SELECT * FROM t JOIN pair ON a = id JOIN t AS t2 WHERE id = 1", sqlite.Failed, 1, "ambiguous column name: id"},
		{"RELEASE missing", sqlite.Failed, 1, "no such savepoint: missing"},
		{"SELECT 'open", sqlite.Failed, 1, `unrecognized token: "'open"`},
		{"INSERT INTO t(id) VALUES ('x')", sqlite.Mismatch, 20, "datatype mismatch"},
		{"SELECT zeroblob(2000000000)", sqlite.TooBig, 18, "string or blob too big"},
		{"SELECT json('{')", sqlite.Failed, 1, "malformed JSON"},
		{"COMMIT", sqlite.Failed, 1, "cannot commit - no transaction is active"},
		{"ATTACH '/no/such/folder/db' AS other", sqlite.CantOpen, 0, "unable to open database: /no/such/folder/db"},
	} {
		failures := map[string]error{"Exec": conn.Exec(c.sql), "statement": runStatement(conn, c.sql)}
		for call, err := range failures {
			var e *sqlite.Error
			switch {
			case !errors.As(err, &e) || !errors.Is(err, c.code):
				t.Errorf("%s of %s: %v, want code %d", call, c.sql, err, c.code)
			case c.extended != 0 && e.Extended != c.extended:
				t.Errorf("%s of %s: extended code %d, want %d", call, c.sql, e.Extended, c.extended)
			case !strings.Contains(err.Error(), c.message):
				t.Errorf("%s of %s: %q, want %q in it", call, c.sql, err, c.message)
			}
		}
	}
	stmt := prepare(t, conn, "SELECT ?")
	if err := stmt.BindInt64(2, 1); !errors.Is(err, sqlite.Range) {
		t.Errorf("a parameter that does not exist: %v", err)
	}
	if err := errors.Join(stmt.BindInt64(1, 1), stmt.Reset()); err != nil {
		t.Error("after it:", err)
	}
}

// runStatement runs by Prepare and Step what Exec would.
func runStatement(conn sqlite.Conn, sql string) error {
	stmt, _, err := conn.Prepare(sql)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for stmt.Step() {
	}
	return stmt.Err()
}

// A failed step is told by Err until Reset, which works, and the statement with it.
func testAfterErrors(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(u UNIQUE); INSERT INTO t VALUES (1)")
	insert := prepare(t, conn, "INSERT INTO t VALUES (?)")
	bind(t, insert, 1, int64(1))
	for range 2 {
		if insert.Step() || !errors.Is(insert.Err(), sqlite.Constraint) {
			t.Fatal("inserted twice:", insert.Err())
		}
		if err := insert.Reset(); err != nil {
			t.Error("Reset tells again:", err)
		}
		if err := insert.Err(); err != nil {
			t.Error("Err after Reset:", err)
		}
		if err := insert.Exec(); !errors.Is(err, sqlite.Constraint) {
			t.Error("Exec:", err)
		}
	}
	bind(t, insert, 1, int64(2))
	if err := insert.Exec(); err != nil {
		t.Error(err)
	}
	if insert.Step() {
		t.Error("inserted twice")
	}
	if err := insert.Close(); err != nil {
		t.Error("Close tells again:", err)
	}
}

// A query over the memory of the engine fails; nothing else does. B16
func testNoMemory(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x); BEGIN; INSERT INTO t VALUES (1)")
	const sql = "SELECT length(hex(zeroblob(900000000)))"
	if err := conn.Exec(sql); !errors.Is(err, sqlite.NoMem) {
		t.Errorf("Exec: %v", err)
	}
	if err := runStatement(conn, sql); !errors.Is(err, sqlite.NoMem) {
		t.Errorf("Step: %v", err)
	}
	exec(t, conn, "CREATE TABLE IF NOT EXISTS t(x); INSERT INTO t VALUES (2)")
	if n := value(t, conn, "SELECT count(*) FROM t").(int64); n < 1 {
		t.Errorf("%d rows", n)
	}
}
