package query_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

func TestRun(t *testing.T) {
	_, r := setup(t, query.Options{})
	for _, c := range []struct {
		sql    string
		params []any
		want   string
	}{
		{"SELECT * FROM fruit ORDER BY name", nil, `[["apple",1.5],["pear",2],["plum",null]]`},
		{"SELECT name FROM fruit WHERE price > ?", []any{1.7}, `[["pear"]]`},
		{"SELECT ?, ?, ?, ?, ?, ?", []any{nil, true, false, 7, int64(8), 1.5}, `[[null,1,0,7,8,1.5]]`},
		{"SELECT ?, ?, typeof(?), ?", []any{"", "é", []byte{}, []byte("x")}, `[["","é","blob",{"$blob":"eA=="}]]`},
		{"SELECT ? ->> '$.a', typeof(?)", []any{json.RawMessage(`{"a":5}`), json.RawMessage("1")}, `[[5,"text"]]`},
		{"SELECT :a, @b, $c, :a", []any{query.Named{"a": 1, "@b": 2, "c": 3}}, `[[1,2,3,1]]`},
		{"SELECT ?2, ?1", []any{1, 2}, `[[2,1]]`},
		{"SELECT name FROM cheap; -- and nothing else", nil, `[["apple"]]`},
		{"/* what */ SELECT 1;;", nil, `[[1]]`},
		{"VALUES (1), (2)", nil, `[[1],[2]]`},
		{"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n", nil, `[[1],[2],[3]]`},
		{"SELECT value FROM json_each('[1,2]')", nil, `[[1],[2]]`},
		{"SELECT 1 WHERE 0", nil, `[]`},
		{"PRAGMA table_info(tree)", nil, `[[0,"name","TEXT",0,null,0]]`},
		{"SELECT name FROM pragma_table_info('tree')", nil, `[["name"]]`},
		{"SELECT user_version FROM pragma_user_version", nil, `[[0]]`},
		{"PRAGMA quick_check", nil, `[["ok"]]`},
	} {
		for range 2 { // the second is from the cache, without the parameters of the first
			if got := cells(t, r, c.sql, c.params...); got != c.want {
				t.Errorf("%s: got %s, want %s", c.sql, got, c.want)
			}
		}
	}
	if result, err := query.Run(context.Background(), mustConn(t), "SELECT 1 AS one"); err != nil || result.Columns[0] != "one" {
		t.Errorf("Run: %v, %v", result, err)
	}
}

func mustConn(t *testing.T) sqlite.Conn {
	conn, _ := setup(t, query.Options{})
	return conn
}

// Everything that would write, to the database or the connection, is refused and has done nothing.
func TestRunRefusesWrites(t *testing.T) {
	conn, r := setup(t, query.Options{})
	before := state(t, r)
	for sql, says := range map[string]string{
		"INSERT INTO tree VALUES ('oak')":                "INSERT into tree",
		"INSERT INTO tree VALUES ('oak') RETURNING name": "INSERT into tree",
		"REPLACE INTO tree VALUES ('oak')":               "INSERT into tree",
		"UPDATE fruit SET price = 0":                     "UPDATE of fruit",
		"DELETE FROM fruit":                              "DELETE from fruit",
		"WITH x AS (SELECT 1) DELETE FROM fruit":         "DELETE from fruit",
		"EXPLAIN DELETE FROM fruit":                      "DELETE from fruit",
		"CREATE TABLE t (x)":                             "change of the schema",
		"CREATE TEMP TABLE t (x)":                        "change of the schema",
		"CREATE TABLE t AS SELECT 1":                     "change of the schema",
		"CREATE VIEW v AS SELECT 1":                      "change of the schema",
		"CREATE VIRTUAL TABLE v USING rtree(a, b, c)":    "change of the schema",
		"DROP TABLE tree":                                "change of the schema",
		"ALTER TABLE tree RENAME TO wood":                "may only read",
		"UPDATE sqlite_schema SET sql = ''":              "may",
		"BEGIN":                                          "may only read",
		"COMMIT":                                         "may only read",
		"ROLLBACK":                                       "may only read",
		"SAVEPOINT s":                                    "may only read",
		"ATTACH ':memory:' AS a":                         "may only read",
		"DETACH main":                                    "may only read",
		"VACUUM":                                         "may only read",
		"VACUUM INTO 'copy'":                             "may only read",
		"ANALYZE":                                        "may only read",
		"REINDEX":                                        "may only read",
		"PRAGMA user_version = 7":                        "SELECT * FROM pragma_user_version",
		"PRAGMA user_version(7)":                         "SELECT * FROM pragma_user_version",
		"PRAGMA journal_mode = DELETE":                   "PRAGMA journal_mode",
		"PRAGMA writable_schema = 1":                     "PRAGMA writable_schema",
		"PRAGMA wal_checkpoint":                          "PRAGMA wal_checkpoint",
		"PRAGMA optimize":                                "PRAGMA optimize",
		"SELECT * FROM pragma_optimize":                  "PRAGMA optimize",
		"SELECT * FROM pragma_optimize(-1)":              "PRAGMA optimize",
		"PRAGMA query_only = 0":                          "PRAGMA query_only",
		"PRAGMA hard_heap_limit = 1":                     "PRAGMA hard_heap_limit",
		"SELECT 1 FROM (SELECT * FROM pragma_incremental_vacuum)": "",
	} {
		_, err := r.Run(context.Background(), sql)
		if says == "" && err == nil || says != "" && (!errors.Is(err, query.ErrNotReadOnly) && says != "may" || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: got %v, want one that says %q", sql, err, says)
		}
		if conn.InTransaction() {
			t.Fatalf("%s: a transaction is open", sql)
		}
	}
	if after := state(t, r); after != before {
		t.Errorf("was %s, is %s", before, after)
	}
	exec(t, conn, "DROP INDEX fruit_by_name") // REINDEX has nothing to do now, and the authorizer is not asked
	if _, err := r.Run(context.Background(), "REINDEX"); !errors.Is(err, query.ErrNotReadOnly) {
		t.Errorf("REINDEX: %v", err)
	}
	exec(t, conn, "INSERT INTO tree VALUES ('oak')") // whoever owns the connection may
}

// state is what a write of the test above would change.
func state(t *testing.T, r *query.Reader) string {
	return cells(t, r, "SELECT count(*), total(price) FROM fruit") + cells(t, r, "SELECT count(*) FROM tree") +
		cells(t, r, "SELECT name, sql FROM sqlite_schema") + cells(t, r, "SELECT * FROM pragma_user_version, pragma_journal_mode")
}

// Mistakes are told by name.
func TestRunRefusesMistakes(t *testing.T) {
	_, r := setup(t, query.Options{})
	for _, c := range []struct {
		sql    string
		params []any
		want   error
		says   string
	}{
		{"", nil, query.ErrStatements, "SELECT * FROM log"},
		{" ; -- nothing", nil, query.ErrStatements, "none"},
		{"SELECT 1; SELECT 2", nil, query.ErrStatements, "more: SELECT 2"},
		{"SELECT 1; DELETE FROM fruit", nil, query.ErrStatements, "more: DELETE FROM fruit"},
		{"SELECT 1; nonsense " + strings.Repeat("é", 99), nil, query.ErrStatements, "…"},
		{"SELECT 1\x00; DELETE FROM fruit", nil, query.ErrStatements, "NUL"},
		{"SELEC 1", nil, sqlite.Failed, `near "SELEC"`},
		{"SELECT * FROM nowhere", nil, sqlite.Failed, "no such table: nowhere"},
		{"SELECT ?", nil, query.ErrParams, "has 1 parameter, no given"},
		{"SELECT ?, :b", []any{1}, query.ErrParams, "2 parameters (:b), 1 given"},
		{"SELECT 1", []any{1}, query.ErrParams, "no parameters, 1 given"},
		{"SELECT ?5", []any{1}, query.ErrParams, "5 parameters (?5), 1 given"},
		{"SELECT ?", []any{struct{}{}}, query.ErrParams, "parameter 1 is a struct {}"},
		{"SELECT :b", []any{query.Named{"b": uint8(1)}}, query.ErrParams, "parameter :b is a uint8"},
		{"SELECT :a", []any{query.Named{"b": 1}}, query.ErrParams, ":a is not given"},
		{"SELECT :a", []any{query.Named{"a": 1, "b": 1}}, query.ErrParams, "not all of a, b"},
		{"SELECT ?", []any{query.Named{"a": 1}}, query.ErrParams, "parameter 1 of the statement has no name"},
		{"SELECT abs(-9223372036854775808)", nil, sqlite.Failed, "integer overflow"},
	} {
		_, err := r.Run(context.Background(), c.sql, c.params...)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: got %v, want one that says %q", c.sql, err, c.says)
		}
	}
	if got := cells(t, r, "SELECT count(*) FROM fruit"); got != "[[3]]" {
		t.Errorf("there are %s fruits", got)
	}
}

// A result is bounded in rows and in bytes, and the error says what to do.
func TestResultIsBounded(t *testing.T) {
	const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, zeroblob(?) FROM n LIMIT ?"
	_, r := setup(t, query.Options{MaxRows: 10, MaxBytes: 1000})
	if got := cells(t, r, "SELECT count(*) FROM ("+numbers+")", 0, 10); got != "[[10]]" {
		t.Error(got)
	}
	for _, c := range []struct {
		bytes, rows int
		says        string
	}{{0, 11, "more than 10 rows; use LIMIT"}, {90, 10, "more than 1000 bytes in 8 rows; use LIMIT"}, {1000, 1, "more than 1000 bytes"}} {
		_, err := r.Run(context.Background(), numbers, c.bytes, c.rows)
		if !errors.Is(err, query.ErrTooLarge) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
	if got := cells(t, r, "SELECT count(*) FROM ("+numbers+")", 0, 3); got != "[[3]]" {
		t.Error(got)
	}
}

// A context ends a statement that would run for ever, and the reader goes on.
func TestContextEndsAQuery(t *testing.T) {
	conn, r := setup(t, query.Options{})
	const forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	cause := errors.New("the tab is gone")

	cancelled, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	if _, err := r.Run(cancelled, "SELECT 1"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	timed, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	if _, err := r.Run(timed, forever); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("timed out: %v", err)
	}
	// In the browser no timer fires while the statement runs: the deadline must be seen all the same.
	if _, err := r.Run(&stoppedTimer{context.Background(), time.Now().Add(20 * time.Millisecond)}, forever); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("timed out without a timer: %v", err)
	}
	counting := &countdown{Context: context.Background(), left: 50, cause: cause}
	if _, err := r.Run(counting, forever); !errors.Is(err, cause) {
		t.Errorf("cancelled while it runs: %v", err)
	}
	if got := cells(t, r, "SELECT 1"); got != "[[1]]" {
		t.Error(got)
	}
	exec(t, conn, "INSERT INTO tree VALUES ('oak')")
}

// stoppedTimer is a context with a deadline that never comes.
type stoppedTimer struct {
	context.Context
	deadline time.Time
}

func (c *stoppedTimer) Deadline() (time.Time, bool) { return c.deadline, true }
func (c *stoppedTimer) Done() <-chan struct{}       { return make(chan struct{}) }

// countdown is a context that ends after it was asked a number of times.
type countdown struct {
	context.Context
	left  int
	cause error
}

func (c *countdown) Done() <-chan struct{} { return make(chan struct{}) }
func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return c.cause
	}
	return nil
}

// A statement kept from before a change of the schema sees the new one.
func TestSchemaChangesUnderACachedStatement(t *testing.T) {
	conn, r := setup(t, query.Options{})
	const all = "SELECT * FROM tree"
	result, err := r.Run(context.Background(), all)
	if err != nil || len(result.Columns) != 1 {
		t.Fatal(result, err)
	}
	exec(t, conn, "ALTER TABLE tree ADD COLUMN age; INSERT INTO tree VALUES ('oak', 300)")
	result, err = r.Run(context.Background(), all)
	if err != nil || fmt.Sprint(result.Columns, result.Rows) != "[name age] [[oak 300]]" {
		t.Errorf("got %v, %v", result, err)
	}
	exec(t, conn, "DROP TABLE tree")
	if _, err := r.Run(context.Background(), all); !errors.Is(err, sqlite.Failed) {
		t.Errorf("the table is gone: %v", err)
	}
}

// The reader keeps a bounded number of statements: closing the connection would fail if one was lost.
func TestStatementsAreBounded(t *testing.T) {
	conn, r := setup(t, query.Options{})
	open := countingConn{Conn: conn}
	counted, err := query.NewReader(&open, query.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		if got, want := cells(t, counted, fmt.Sprintf("SELECT %d", i%200)), fmt.Sprintf("[[%d]]", i%200); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if open.statements < 10 || open.statements > 100 {
		t.Errorf("%d statements are kept", open.statements)
	}
	const often = "SELECT 'used again and again'"
	cells(t, counted, often)
	before := open.prepared
	for i := range 100 {
		cells(t, counted, fmt.Sprintf("SELECT -%d", i))
		cells(t, counted, often)
	}
	if got := open.prepared - before; got != 100 {
		t.Errorf("%d statements were compiled for 100 new ones", got)
	}
	if err := errors.Join(counted.Close(), r.Close(), conn.Close()); err != nil {
		t.Error(err)
	}
}

type countingConn struct {
	sqlite.Conn
	statements, prepared int
}

func (c *countingConn) Prepare(sql string) (sqlite.Stmt, string, error) {
	stmt, tail, err := c.Conn.Prepare(sql)
	if stmt == nil || err != nil {
		return nil, tail, err
	}
	c.statements++
	c.prepared++
	return &countedStmt{stmt, c}, tail, nil
}

type countedStmt struct {
	sqlite.Stmt
	conn *countingConn
}

func (s *countedStmt) Close() error {
	s.conn.statements--
	return s.Stmt.Close()
}
