//go:build !js

package replica

import (
	"bytes"
	"testing"

	millpond "github.com/millpond-dev/millpond"
)

// FuzzJSONB compares appendJSONB with jsonb() and json.Valid.
func FuzzJSONB(f *testing.F) {
	for _, text := range jsonbSeeds() {
		f.Add([]byte(text))
	}
	stmt := prepareJSONB(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > millpond.MaxJSONDepth || bytes.IndexByte(text, 0) >= 0 {
			return // json.Valid knows no depth, and SQL no text beyond a NUL
		}
		checkJSONB(t, stmt, text)
	})
}
