package query_test

import (
	"bytes"
	"context"
	"math"
	"testing"

	"github.com/millpond-dev/millpond/mirror/query"
)

func TestAppendJSON(t *testing.T) {
	for _, c := range []struct {
		name string
		cell any
		want string
	}{
		{"null", nil, `null`},
		{"zero", int64(0), `0`},
		{"largest safe integer", int64(1<<53 - 1), `9007199254740991`},
		{"smallest safe integer", int64(-(1<<53 - 1)), `-9007199254740991`},
		{"beyond safe", int64(1 << 53), `{"$int":"9007199254740992"}`},
		{"below safe", int64(math.MinInt64), `{"$int":"-9223372036854775808"}`},
		{"float", 0.1, `0.1`},
		{"whole float", 2.0, `2`},
		{"large float", 1e300, `1e+300`},
		{"infinity", math.Inf(1), `9e999`},
		{"minus infinity", math.Inf(-1), `-9e999`},
		{"not a number", math.NaN(), `null`},
		{"empty text", "", `""`},
		{"text", `say "é" \ 😀`, `"say \"é\" \\ 😀"`},
		{"control characters", "\x00\b\n\r\t\x1f\x7f", `"\u0000\u0008\n\r\t\u001f` + "\x7f\""},
		{"text that is not UTF-8", "a\xff\xc3b\xe2\x82", "\"a\uFFFD\uFFFDb\uFFFD\uFFFD\""},
		{"a real U+FFFD", "\uFFFD", "\"\uFFFD\""},
		{"text that looks like a blob", `{"$blob":"eA=="}`, `"{\"$blob\":\"eA==\"}"`},
		{"empty blob", []byte{}, `{"$blob":""}`},
		{"blob", []byte{0, 255, 16}, `{"$blob":"AP8Q"}`},
	} {
		r := &query.Result{Columns: []string{"c"}, Rows: [][]any{{c.cell}}}
		want := `{"columns":["c"],"rows":[[` + c.want + `]]}`
		if got := string(r.AppendJSON(nil)); got != want {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
	}
	r := &query.Result{Columns: []string{`"a"`, "b"}, Rows: [][]any{{int64(1), nil}, {"x", 2.5}}}
	if got, want := string(r.AppendJSON([]byte("…"))), `…{"columns":["\"a\"","b"],"rows":[[1,null],["x",2.5]]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := string((&query.Result{}).AppendJSON(nil)); got != `{"columns":[],"rows":[]}` {
		t.Error(got)
	}
}

func TestEqual(t *testing.T) {
	row := func(cells ...any) *query.Result {
		return &query.Result{Columns: make([]string, len(cells)), Rows: [][]any{cells}}
	}
	for _, c := range []struct {
		a, b *query.Result
		want bool
	}{
		{row(int64(1), "x", 1.5, nil, []byte("b")), row(int64(1), "x", 1.5, nil, []byte("b")), true},
		{row(int64(1)), row(1.0), false},
		{row("b"), row([]byte("b")), false},
		{row([]byte("b")), row("b"), false},
		{row([]byte("b")), row([]byte("c")), false},
		{row([]byte{}), row(nil), false},
		{row(nil), row(int64(0)), false},
		{row("a", "b"), row("a"), false},
		{row("a"), &query.Result{Columns: []string{"named"}, Rows: [][]any{{"a"}}}, false},
		{row("a"), &query.Result{Columns: []string{""}, Rows: [][]any{{"a"}, {"a"}}}, false},
		{row("a"), nil, false},
		{nil, row("a"), false},
		{nil, nil, true},
	} {
		if got := c.a.Equal(c.b); got != c.want {
			t.Errorf("%v and %v: got %v", c.a, c.b, got)
		}
	}
}

// What SQLite answers goes into a result as it is, and stays after the statement has moved on.
func TestResultHoldsItsOwnBytes(t *testing.T) {
	_, r := setup(t, query.Options{})
	first, err := r.Run(context.Background(), "SELECT x'0102', 'one', 9e999, -9e999, CAST(x'ff' AS TEXT)")
	if err != nil {
		t.Fatal(err)
	}
	cells(t, r, "SELECT x'ffff', 'two', 1, 2, 'x'")
	if row := first.Rows[0]; !bytes.Equal(row[0].([]byte), []byte{1, 2}) || row[1] != "one" || row[4] != "\xff" {
		t.Errorf("the first result is now %q", row)
	}
	if got, want := rowsOf(first), "[[{\"$blob\":\"AQI=\"},\"one\",9e999,-9e999,\"\uFFFD\"]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
