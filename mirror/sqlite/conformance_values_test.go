package sqlite_test

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Every value comes back as it was bound, through the statement and through the database.
func testValues(t *testing.T, open func(testing.TB) sqlite.Conn) {
	big := bytes.Repeat([]byte("0123456789"), 1<<20) // 10 MiB: many overflow pages
	values := []any{
		int64(0), int64(1), int64(-1), int64(math.MaxInt64), int64(math.MinInt64), int64(1 << 53), int64(1<<53 + 1),
		0.0, 0.1, -1e300, math.SmallestNonzeroFloat64, math.MaxFloat64, math.Inf(1), math.Inf(-1),
		"", "a", "grüße, 世界 🌍", "nul \x00 inside", "\xff\xfe not UTF-8 \xc3", strings.Repeat("long ", 100_000),
		[]byte{}, []byte{0}, []byte("\x00\xff blob"), big, nil,
	}
	conn := open(t)
	exec(t, conn, "CREATE TABLE v(id INTEGER PRIMARY KEY, x)")
	insert := prepare(t, conn, "INSERT INTO v(x) VALUES (?) RETURNING x")
	read := prepare(t, conn, "SELECT x FROM v WHERE id = ?")
	for i, v := range values {
		bind(t, insert, 1, v)
		if !insert.Step() {
			t.Fatal(insert.Err())
		}
		check(t, "returned", column(insert, 0), v)
		if insert.Step() || insert.Err() != nil {
			t.Fatal("after the row:", insert.Err())
		}
		insert.Reset()
		bind(t, read, 1, int64(i+1))
		if !read.Step() {
			t.Fatal(read.Err())
		}
		check(t, "stored", column(read, 0), v)
		read.Reset()
	}
}

func bind(t testing.TB, stmt sqlite.Stmt, param int, v any) {
	t.Helper()
	var err error
	switch v := v.(type) {
	case int64:
		err = stmt.BindInt64(param, v)
	case float64:
		err = stmt.BindFloat(param, v)
	case string:
		err = stmt.BindText(param, v)
	case []byte:
		err = stmt.BindBlob(param, v)
	default:
		err = stmt.BindNull(param)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func check(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %T %.60v, want %T %.60v", what, got, fmt.Sprint(got), want, fmt.Sprint(want))
	}
}

// Nil slices are NULL, empty ones are not; NaN is NULL, as SQLite has none.
func testNullBinds(t *testing.T, open func(testing.TB) sqlite.Conn) {
	stmt := prepare(t, open(t), "SELECT typeof(?1)")
	for _, c := range []struct {
		bind func() error
		want string
	}{
		{func() error { return stmt.BindBlob(1, nil) }, "null"},
		{func() error { return stmt.BindRawText(1, nil) }, "null"},
		{func() error { return stmt.BindFloat(1, math.NaN()) }, "null"},
		{func() error { return stmt.BindBlob(1, []byte{}) }, "blob"},
		{func() error { return stmt.BindRawText(1, []byte{}) }, "text"},
		{func() error { return stmt.BindRawText(1, []byte("é")) }, "text"},
		{func() error { return stmt.ClearBindings() }, "null"},
	} {
		if err := c.bind(); err != nil {
			t.Fatal(err)
		}
		if !stmt.Step() {
			t.Fatal(stmt.Err())
		}
		check(t, "typeof", stmt.ColumnText(0), c.want)
		stmt.Reset()
	}
}

func testParameters(t *testing.T, open func(testing.TB) sqlite.Conn) {
	stmt := prepare(t, open(t), "SELECT ?, :name, @at, $dollar, ?9")
	check(t, "count", stmt.BindCount(), 9)
	check(t, "name", stmt.BindName(4), "$dollar")
	check(t, "name of none", stmt.BindName(1), "")
}

func testColumns(t *testing.T, open func(testing.TB) sqlite.Conn) {
	stmt := prepare(t, open(t), `SELECT 1 AS one, 'x' AS "grüße", 2.5, x'00' AS blob, NULL`)
	check(t, "count", stmt.ColumnCount(), 5)
	if !stmt.Step() {
		t.Fatal(stmt.Err())
	}
	var types []sqlite.Type
	var names []string
	for i := range stmt.ColumnCount() {
		types, names = append(types, stmt.ColumnType(i)), append(names, stmt.ColumnName(i))
	}
	check(t, "types", types, []sqlite.Type{sqlite.Integer, sqlite.Text, sqlite.Float, sqlite.Blob, sqlite.Null})
	check(t, "names", names, []string{"one", "grüße", "2.5", "blob", "NULL"})
	check(t, "blob of text", string(stmt.ColumnBlob(1)), "x")
	check(t, "blob of NULL", stmt.ColumnBlob(4), []byte(nil))
	check(t, "text of NULL", stmt.ColumnText(4), "")
	check(t, "integer of text", stmt.ColumnInt64(1), int64(0))
}

// JSON as text and as JSONB, which is how the mirror keeps payloads.
func testJSON(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, `CREATE TABLE j(b BLOB); INSERT INTO j VALUES (jsonb('{"n": 9007199254740993, "s": "ü", "a": [1, null]}'))`)
	check(t, "type", value(t, conn, "SELECT typeof(b) FROM j"), "blob")
	check(t, "integer over 2^53", value(t, conn, "SELECT b ->> 'n' FROM j"), int64(9007199254740993))
	check(t, "text", value(t, conn, "SELECT json_extract(b, '$.s') FROM j"), "ü")
	check(t, "element", value(t, conn, "SELECT b -> '$.a' FROM j"), "[1,null]")
	check(t, "back", value(t, conn, "SELECT json(b) FROM j"), `{"n":9007199254740993,"s":"ü","a":[1,null]}`)
	check(t, "rows", value(t, conn, "SELECT count(*) FROM j, json_each(b, '$.a')"), int64(2))
	if err := conn.Exec(`SELECT jsonb('{"broken"')`); err == nil {
		t.Error("broken JSON is taken")
	}
}
