package jsonb

import (
	"encoding/json"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

func TestCompact(t *testing.T) {
	stmt := prepare(t, "SELECT json(jsonb(?))")
	for _, text := range append(seeds(), `{ "a\\" : "\" x" , "b" : [ 1.50 , -0e5 ] }`, `"a b\\"`) {
		if json.Valid([]byte(text)) {
			checkCompact(t, stmt, []byte(text))
		}
	}
}

// checkCompact compares with what SQLite gives back.
func checkCompact(t *testing.T, stmt sqlite.Stmt, text []byte) {
	t.Helper()
	if err := stmt.BindRawText(1, text); err != nil {
		t.Fatal(err)
	}
	if !stmt.Step() {
		t.Fatalf("%.100q: json(jsonb()) says %v", text, stmt.Err())
	}
	want := "before" + stmt.ColumnText(0)
	if err := stmt.Reset(); err != nil {
		t.Fatal(err)
	}
	if got := Compact([]byte("before"), text); string(got) != want {
		t.Fatalf("%.100q: got %.200q, want %.200q", text, got, want)
	}
}

func prepare(t testing.TB, sql string) sqlite.Stmt {
	stmt, _, err := sqlitetest.Open(t).Prepare(sql)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stmt.Close() })
	return stmt
}
