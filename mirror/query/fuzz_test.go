//go:build !js

package query_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/millpond-dev/millpond/mirror/query"
)

// Whatever text is in a database, the JSON is valid, and says the same to other decoders. Its corpus is in files, which a
// browser does not have.
func FuzzAppendJSON(f *testing.F) {
	for _, s := range []string{"", "é", "\xff", "\xed\xa0\x80", "a\u2028b", "\x00\"\\"} {
		f.Add(s, 1.5, int64(1<<60))
	}
	f.Fuzz(func(t *testing.T, s string, number float64, integer int64) {
		out := (&query.Result{Columns: []string{s}, Rows: [][]any{{s, number, integer}}}).AppendJSON(nil)
		if !json.Valid(out) || !utf8.Valid(out) {
			t.Fatalf("%q is not JSON", out)
		}
		var parsed struct {
			Columns []string
			Rows    [][]json.RawMessage
		}
		if err := json.Unmarshal(out, &parsed); err != nil {
			t.Fatal(err)
		}
		var want string
		quoted, _ := json.Marshal(s)
		if err := json.Unmarshal(quoted, &want); err != nil || parsed.Columns[0] != want {
			t.Fatalf("%q became %q", s, parsed.Columns[0])
		}
	})
}
