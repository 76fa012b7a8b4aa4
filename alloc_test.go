package millpond_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

// A hostile peer cannot make a decoder allocate much more than the peer has sent: text is copied a few times on its way
// in, and that is all. The sum of all allocations is measured, with those that are garbage at once.
func TestDecodersAllocateLittle(t *testing.T) {
	const size, factor = 1 << 20, 12
	list := func(open, element, end string) string {
		return open + strings.Repeat(element+",", (size-len(open)-len(end))/(len(element)+1)) + element + end
	}
	message := func(text []byte) { _, _ = millpond.UnmarshalMessage(text) }
	inputs := func(text []byte) { _, _, _ = millpond.ParseInputs(text) }
	for _, test := range []struct {
		name, text string
		decode     func([]byte)
	}{
		{"message: array of empty events", list(`{"type":"batch","events":[`, `{}`, `]}`), message},
		{"message: array of nulls", list(`{"type":"appended","events":[`, `null`, `]}`), message},
		{"message: array of types", list(`{"type":"subscribe","types":[`, `""`, `]}`), message},
		{"message: many fields", list(`{"type":"ping",`, `"":1`, `}`), message},
		{"message: long unknown field", `{"type":"ping","x":"` + strings.Repeat("x", size) + `"}`, message},
		{"message: deep", `{"type":"ping","x":` + strings.Repeat("[", size), message},
		{"message: an append", list(`{"type":"append","id":1,"events":[`, `{"type":"a"}`, `]}`), message},
		{"inputs: array of empty objects", list(`[`, `{}`, `]`), inputs},
		{"inputs: array of numbers", list(`[`, `1`, `]`), inputs},
		{"inputs: one large payload", `{"type":"a","payload":"` + strings.Repeat("x", size) + `"}`, inputs},
		{"inputs: deep payload", `{"type":"a","payload":` + strings.Repeat("[", size), inputs},
		{"record: no end", "\x01" + strings.Repeat("\x7f", size), func(b []byte) { _ = millpond.DecodeRecord(b, new(millpond.Event)) }},
		{"record: length of 2 GB", "\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01a\xff\xff\xff\xff\x07",
			func(b []byte) { _ = millpond.DecodeRecord(b, new(millpond.Event)) }},
		{"frame: record of 2 GB", "\xff\xff\xff\xff\x07", func(b []byte) { _, _, _ = millpond.NextRecord(b) }},
	} {
		text := []byte(test.text)
		got := allocated(func() { test.decode(text) })
		if limit := uint64(factor*len(text) + 16<<10); got > limit {
			t.Errorf("%s: %d bytes allocated for %d, at most %d are allowed", test.name, got, len(text), limit)
		}
	}
}

// allocated is how many bytes f allocates, in all.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Time is linear, too: twice the text is never four times the allocations. (Time itself is not measured: this does not
// depend on the machine.)
func TestDecodersAreLinear(t *testing.T) {
	batch := func(events int) []byte {
		return []byte("[" + strings.Repeat(`{"type":"a","payload":"`+strings.Repeat("x", 1000)+`"},`, events) + `{"type":"a"}]`)
	}
	bytesFor := func(events int) uint64 {
		body := batch(events)
		return allocated(func() {
			if _, _, err := millpond.ParseInputs(body); err != nil {
				t.Fatal(err)
			}
		})
	}
	once, twice := bytesFor(400), bytesFor(800)
	if twice > 3*once {
		t.Errorf("400 events: %d bytes, 800 events: %d bytes", once, twice)
	}
}
