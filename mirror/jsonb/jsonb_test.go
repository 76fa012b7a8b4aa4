package jsonb

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// seeds are JSON, and nearly so.
func seeds() []string {
	list := []string{
		`null`, `true`, `false`, `0`, `-0`, `12`, `-7`, `0.5`, `-1e9`, `1E+2`, `2.5e-3`, `123456789012345678901234567890`,
		`""`, `"a"`, `"\n\"\\\/\b\f\r\t"`, `"\u00e9\uD83D\uDE00"`, `"é😀"`, `[]`, `{}`, ` [ 1 , 2 ] `, `{"a":1}`,
		`{"a":{"b":[1,{"c":null}]},"\u0061":"x"}`, `[[[[]]],{},[{}]]`, "\t{\r\n\"a\" : [ true ]\n}\r",
		``, ` `, `nul`, `nulll`, `tru`, `+1`, `01`, `1.`, `.5`, `1e`, `-`, `"`, `"\`, `"\x41"`, `"\u12g4"`, `"\u12`, "\"\x01\"",
		`[`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `{`, `{"a"`, `{"a":`, `{"a":1,}`, `{a:1}`, `{"a" 1}`, `{1:2}`, `[}`, `1 2`,
		`Infinity`, `NaN`, `0x10`, `'a'`, `/* c */ 1`,
		strings.Repeat("[", millpond.MaxJSONDepth) + strings.Repeat("]", millpond.MaxJSONDepth),
	}
	for _, n := range []int{11, 12, 254, 255, 256, 257, 65533, 65535, 65536, 70000} { // around the sizes of headers
		list = append(list, `"`+strings.Repeat("x", n)+`"`, `["`+strings.Repeat("y", n)+`"]`,
			`{"k":[`+strings.Repeat(" ", n)+`1]}`, `[`+strings.Repeat(`1,`, n/2)+`2]`)
	}
	return list
}

// B10: the JSONB is what SQLite itself makes of JSON, byte for byte; what is not JSON is refused.
func checkJSONB(t *testing.T, stmt sqlite.Stmt, text []byte) {
	t.Helper()
	got, err := Append([]byte("before"), text)
	if ok := json.Valid(text); ok != (err == nil) {
		t.Fatalf("%.100q: JSON is %v, Append says %v", text, ok, err)
	}
	if err != nil {
		return
	}
	if err := stmt.BindRawText(1, text); err != nil {
		t.Fatal(err)
	}
	if !stmt.Step() {
		t.Fatalf("%.100q: jsonb() says %v", text, stmt.Err())
	}
	want := append([]byte("before"), stmt.ColumnBlob(0)...)
	if err := stmt.Reset(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%.100q: got %.200x, want %.200x", text, got, want)
	}
}

func TestJSONB(t *testing.T) {
	stmt := prepare(t, "SELECT jsonb(?)")
	for _, text := range seeds() {
		checkJSONB(t, stmt, []byte(text))
	}
	if _, err := Append(nil, []byte(strings.Repeat("[", millpond.MaxJSONDepth+1)+strings.Repeat("]", millpond.MaxJSONDepth+1))); err == nil {
		t.Error("JSON that is nested too deep is taken")
	}
}
