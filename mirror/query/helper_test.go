package query_test

import (
	"context"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// setup is a database with a table of three rows and an empty one, and a reader on it.
func setup(t testing.TB, options query.Options) (sqlite.Conn, *query.Reader) {
	t.Helper()
	conn := sqlitetest.Open(t)
	exec(t, conn, `CREATE TABLE fruit (name TEXT, price REAL); CREATE INDEX fruit_by_name ON fruit (name);
		INSERT INTO fruit VALUES ('apple', 1.5), ('pear', 2), ('plum', NULL);
		CREATE TABLE tree (name TEXT);
		CREATE VIEW cheap AS SELECT name FROM fruit WHERE price < 2`)
	return conn, newReader(t, conn, options)
}

func newReader(t testing.TB, conn sqlite.Conn, options query.Options) *query.Reader {
	t.Helper()
	r, err := query.NewReader(conn, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func exec(t testing.TB, conn sqlite.Conn, sql string) {
	t.Helper()
	if err := conn.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// cells is the JSON of the rows that a statement answers.
func cells(t testing.TB, r *query.Reader, sql string, params ...any) string {
	t.Helper()
	result, err := r.Run(context.Background(), sql, params...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rowsOf(result)
}

// rowsOf is the part of a result's JSON after "rows":.
func rowsOf(result *query.Result) string {
	_, rows, _ := strings.Cut(string(result.AppendJSON(nil)), `"rows":`)
	return strings.TrimSuffix(rows, "}")
}
