package millpond_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

// jsonTexts are on both sides of the rules of JSON.
var jsonTexts = []string{
	``, ` `, `1`, `-`, `-0`, `01`, `-01`, `1.`, `.5`, `1.5`, `1e`, `1e+`, `1E-3`, `1e5x`, `+1`, `0x1`, `NaN`,
	`true`, `tru`, `truex`, `null`, `nul`, `false`, `falsey`,
	`""`, `"`, `"\"`, `"\\"`, `"\x"`, `"\u12"`, `"\u12G4"`, `"\ud800"`, "\"\x1f\"", "\"\x7f\"", "\"\xff\"", `"é"`, `"12345678"`, `"1234567\n8"`, "\"1234567\n8\"", `"12345678\`,
	`[]`, `[`, `]`, `[}`, `[1`, `[1]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2]`, `[[],[]]`, `[[]`, `[] []`, `[]]`,
	`{}`, `{`, `}`, `{]`, `{"a"}`, `{"a":}`, `{"a":1}`, `{"a":1,}`, `{,"a":1}`, `{"a" 1}`, `{a:1}`, `{1:1}`, `{"a":1 "b":2}`, `{"a":[{"b":null}]}`, ` { "a" : [ 1 , 2 ] } `,
	"\ufeff1", "1\u00a0", "1 // x", strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999), strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
}

func TestScanJSON(t *testing.T) {
	for _, text := range jsonTexts {
		if _, got := millpond.ScanJSON([]byte(text)); got != json.Valid([]byte(text)) {
			t.Errorf("%.40q: %v, encoding/json says %v", text, got, !got)
		}
	}
	for text, want := range map[string]int{`1`: 0, `"[["`: 0, `[]`: 1, `[[],{"a":[1]}]`: 3, `[[[]],[]]`: 3} {
		if got, _ := millpond.ScanJSON([]byte(text)); got != want {
			t.Errorf("%s is %d deep, not %d", text, want, got)
		}
	}
}

// FuzzScanJSON: what is JSON is what encoding/json says it is.
func FuzzScanJSON(f *testing.F) {
	for _, text := range jsonTexts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, got := millpond.ScanJSON(text); got != json.Valid(text) {
			t.Errorf("%q: %v, encoding/json says %v", text, got, !got)
		}
	})
}

// BenchmarkParseInputs is the body of an append of 100 events of 300 bytes.
func BenchmarkParseInputs(b *testing.B) {
	event := `{"type":"bench/event","payload":{"text":"` + strings.Repeat("x", 289) + `"}}`
	body := []byte("[" + strings.Repeat(event+",", 99) + event + "]")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := millpond.ParseInputs(body); err != nil {
			b.Fatal(err)
		}
	}
}
