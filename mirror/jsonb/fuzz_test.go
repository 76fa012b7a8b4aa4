//go:build !js

package jsonb

import (
	"bytes"
	"encoding/json"
	"testing"

	millpond "github.com/millpond-dev/millpond"
)

// FuzzJSONB compares Append with jsonb() and json.Valid.
func FuzzJSONB(f *testing.F) {
	for _, text := range seeds() {
		f.Add([]byte(text))
	}
	stmt, back := prepare(f, "SELECT jsonb(?)"), prepare(f, "SELECT json(jsonb(?))")
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > millpond.MaxJSONDepth || bytes.IndexByte(text, 0) >= 0 {
			return // json.Valid knows no depth, and SQL no text beyond a NUL
		}
		checkJSONB(t, stmt, text)
		if json.Valid(text) {
			checkCompact(t, back, text)
		}
	})
}
