package millpond_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

// batches are frames: of some of the examples, of none, at the edges.
func batches() []struct {
	name  string
	batch millpond.Batch
} {
	var records []byte
	var hash millpond.Hash
	for _, ex := range examples()[:7] {
		record := millpond.AppendRecord(nil, &ex.event)
		records = millpond.AppendFramedRecord(records, record)
		hash = hash.Next(record)
	}
	return []struct {
		name  string
		batch millpond.Batch
	}{
		{"seven events, to the end of the log", millpond.Batch{Subscription: 1, Live: true, LastOffset: 7, MaxOffset: 7, Hash: hash, Records: records}},
		{"more to come", millpond.Batch{Subscription: 300, LastOffset: 7, MaxOffset: 1000, Hash: hash, Records: records}},
		{"no events: the filter skipped them all", millpond.Batch{Subscription: 2, Live: true, LastOffset: 7, MaxOffset: 7, Hash: hash, Records: []byte{}}},
		{"largest numbers", millpond.Batch{Subscription: 1<<32 - 1, LastOffset: 1<<64 - 2, MaxOffset: 1<<64 - 1, Hash: 1<<64 - 1, Records: []byte{}}},
		{"of a record that came in parts", millpond.Batch{Subscription: 2, Live: true, Assembled: true, LastOffset: 7, MaxOffset: 7, Hash: hash, Records: []byte{}}},
	}
}

// parts are frames of parts, at the edges.
var parts = []struct {
	name string
	part millpond.Part
}{
	{"the first part", millpond.Part{Subscription: 1, Offset: 7, RecordBytes: millpond.MaxPartBytes + 1, Bytes: []byte("abc")}},
	{"the last byte", millpond.Part{Subscription: 300, Offset: 7, RecordBytes: millpond.MaxPartBytes + 1, Start: millpond.MaxPartBytes, Bytes: []byte("z")}},
	{"largest numbers", millpond.Part{Subscription: 1<<32 - 1, Offset: 1<<64 - 1, RecordBytes: millpond.MaxRecordBytes,
		Start: millpond.MaxRecordBytes - 2, Bytes: []byte("yz")}},
}

// S6: a part of a record is a frame of its own.
func TestPart(t *testing.T) {
	for _, test := range parts {
		frame := test.part.AppendFrame(nil)
		got, err := millpond.DecodePart(frame)
		if err != nil || !reflect.DeepEqual(got, test.part) || !millpond.IsPart(frame) {
			t.Errorf("%s: decoded %+v, %v", test.name, got, err)
		}
		if n := len(frame) - len(test.part.Bytes); n > millpond.MaxPartHeaderBytes {
			t.Errorf("%s: the header has %d bytes", test.name, n)
		}
		if _, err := millpond.DecodeBatch(frame); !errors.Is(err, millpond.ErrCorruptFrame) {
			t.Errorf("%s: taken for a batch: %v", test.name, err)
		}
	}
	for _, test := range corruptParts {
		if p, err := millpond.DecodePart(unhex(t, test.hex)); !errors.Is(err, millpond.ErrCorruptFrame) {
			t.Errorf("%s: %+v, error %v", test.why, p, err)
		}
	}
	if millpond.IsPart(nil) || millpond.IsPart(batches()[0].batch.AppendFrame(nil)) {
		t.Error("another frame is taken for a part")
	}
	if largest := millpond.MaxPartHeaderBytes + millpond.MaxPartBytes; largest > millpond.MaxFrameBytes {
		t.Errorf("the largest part has %d bytes, a frame %d", largest, millpond.MaxFrameBytes)
	}
}

// The sizes are of 528385 bytes, one more than fit into one frame.
var corruptParts = []struct{ why, hex string }{
	{"a batch", "01 00 01 01 01 0000000000000000"},
	{"subscription 0", "02 00 07 81a020 00 61"},
	{"subscription over 32 bits", "02 8080808010 07 81a020 00 61"},
	{"offset 0", "02 01 00 81a020 00 61"},
	{"a record that needs no parts", "02 01 07 80a020 00 61"},
	{"a record over the limit", "02 01 07 81a08010 00 61"},
	{"no bytes", "02 01 07 81a020 00"},
	{"it begins past the end", "02 01 07 81a020 82a020 61"},
	{"it ends past the end", "02 01 07 81a020 80a020 6161"},
	{"cut off", "02 01 07 81a0"},
}

func TestFrame(t *testing.T) {
	for _, test := range batches() {
		frame := test.batch.AppendFrame(nil)
		got, err := millpond.DecodeBatch(frame)
		if err != nil || !reflect.DeepEqual(got, test.batch) {
			t.Errorf("%s: decoded %+v, %v", test.name, got, err)
		}
		if n := len(frame) - len(test.batch.Records); n > millpond.MaxBatchHeaderBytes {
			t.Errorf("%s: the header has %d bytes", test.name, n)
		}
	}
	if n := len((&millpond.Batch{Subscription: 1<<32 - 1, LastOffset: 1<<64 - 1, MaxOffset: 1<<64 - 1}).AppendHeader(nil)); n != millpond.MaxBatchHeaderBytes {
		t.Errorf("the largest header has %d bytes, MaxBatchHeaderBytes is %d", n, millpond.MaxBatchHeaderBytes)
	}
}

func TestNextRecord(t *testing.T) {
	rest := batches()[0].batch.Records
	for _, ex := range examples()[:7] {
		want := millpond.AppendRecord(nil, &ex.event)
		record, tail, err := millpond.NextRecord(rest)
		if err != nil || !bytes.Equal(record, want) {
			t.Fatalf("%s: %x, %v; want %x", ex.name, record, err, want)
		}
		if n := len(rest) - len(tail); n != millpond.FramedRecordBytes(len(want)) {
			t.Errorf("%s: %d bytes, FramedRecordBytes says %d", ex.name, n, millpond.FramedRecordBytes(len(want)))
		}
		rest = tail
	}
	if record, rest, err := millpond.NextRecord(rest); record != nil || rest != nil || err != nil {
		t.Errorf("at the end: %x, %x, %v", record, rest, err)
	}
	for _, n := range []int{1, 127, 128, 16383, 16384, millpond.MaxRecordBytes} {
		if got := len(millpond.AppendFramedRecord(nil, make([]byte, n))); got != millpond.FramedRecordBytes(n) {
			t.Errorf("a record of %d bytes takes %d, FramedRecordBytes says %d", n, got, millpond.FramedRecordBytes(n))
		}
	}
}

var corruptFrames = []struct{ why, hex string }{
	{"empty", ""},
	{"unknown kind", "03 00 01 01 01 0000000000000000"},
	{"kind 0", "00 00 01 01 01 0000000000000000"},
	{"unknown flag", "01 04 01 01 01 0000000000000000"},
	{"records beside those that came in parts", "01 02 01 01 01 0000000000000000 01 00"},
	{"subscription 0", "01 00 00 01 01 0000000000000000"},
	{"subscription over 32 bits", "01 00 8080808010 01 01 0000000000000000"},
	{"subscription not minimal", "01 00 8100 01 01 0000000000000000"},
	{"last offset after max offset", "01 00 01 02 01 0000000000000000"},
	{"live, but not at the end", "01 01 01 01 02 0000000000000000"},
	{"hash cut off", "01 00 01 01 01 00000000000000"},
}

var corruptRecordLists = []struct{ why, hex string }{
	{"empty record", "00"},
	{"longer than what follows", "02 00"},
	{"length without an end", "80"},
	{"length not minimal", "8100 00"},
	{"over the limit of a record", "81a08010"},
}

func TestCorruptFrame(t *testing.T) {
	for _, test := range corruptFrames {
		if b, err := millpond.DecodeBatch(unhex(t, test.hex)); !errors.Is(err, millpond.ErrCorruptFrame) {
			t.Errorf("%s: %+v, error %v", test.why, b, err)
		}
	}
	if _, err := millpond.DecodeBatch(unhex(t, "01 01 01 01 01 0000000000000000")); err != nil {
		t.Error(err)
	}
	for _, test := range corruptRecordLists {
		if record, _, err := millpond.NextRecord(unhex(t, test.hex)); !errors.Is(err, millpond.ErrCorruptFrame) {
			t.Errorf("%s: %x, error %v", test.why, record, err)
		}
	}
	whole := millpond.AppendFramedRecord(nil, make([]byte, millpond.MaxRecordBytes+1))
	if _, _, err := millpond.NextRecord(whole); !errors.Is(err, millpond.ErrCorruptFrame) {
		t.Errorf("record over the limit, all there: error %v", err)
	}
}

func TestGoldenFrames(t *testing.T) {
	type valid struct {
		Name         string        `json:"name"`
		Frame        string        `json:"frame"`
		Subscription uint32        `json:"subscription"`
		Live         bool          `json:"live"`
		Assembled    bool          `json:"assembled"`
		LastOffset   string        `json:"lastOffset"`
		MaxOffset    string        `json:"maxOffset"`
		Hash         millpond.Hash `json:"hash"`
		Events       []eventVector `json:"events"`
	}
	type corrupt struct {
		Why   string `json:"why"`
		Frame string `json:"frame"`
	}
	var good []valid
	for _, test := range batches() {
		b := test.batch
		v := valid{test.name, hex.EncodeToString(b.AppendFrame(nil)), b.Subscription, b.Live, b.Assembled,
			strconv.FormatUint(b.LastOffset, 10), strconv.FormatUint(b.MaxOffset, 10), b.Hash, []eventVector{}}
		for rest := b.Records; len(rest) > 0; {
			var record []byte
			var e millpond.Event
			var err error
			if record, rest, err = millpond.NextRecord(rest); err != nil {
				t.Fatal(err)
			}
			if err := millpond.DecodeRecord(record, &e); err != nil {
				t.Fatal(err)
			}
			v.Events = append(v.Events, vectorOf(&e))
		}
		good = append(good, v)
	}
	var bad []corrupt
	for _, test := range corruptFrames {
		bad = append(bad, corrupt{test.why, strings.ReplaceAll(test.hex, " ", "")})
	}
	header := hex.EncodeToString((&millpond.Batch{Subscription: 1, LastOffset: 1, MaxOffset: 1}).AppendHeader(nil))
	for _, test := range corruptRecordLists {
		bad = append(bad, corrupt{"record: " + test.why, header + strings.ReplaceAll(test.hex, " ", "")})
	}
	type part struct {
		Name         string `json:"name"`
		Frame        string `json:"frame"`
		Subscription uint32 `json:"subscription"`
		Offset       string `json:"offset"`
		RecordBytes  int    `json:"recordBytes"`
		Start        int    `json:"start"`
		Bytes        string `json:"bytes"`
	}
	var goodParts []part
	for _, test := range parts {
		p := test.part
		goodParts = append(goodParts, part{test.name, hex.EncodeToString(p.AppendFrame(nil)), p.Subscription, strconv.FormatUint(p.Offset, 10),
			p.RecordBytes, p.Start, hex.EncodeToString(p.Bytes)})
	}
	var badParts []corrupt
	for _, test := range corruptParts {
		badParts = append(badParts, corrupt{test.why, strings.ReplaceAll(test.hex, " ", "")})
	}
	golden(t, "frames.json", map[string]any{
		"parts":        goodParts,
		"corruptParts": badParts,
		"about": "Batch frames in hexadecimal, and what they say. Corrupt frames are refused: the header, or then one of the " +
			"records' lengths.",
		"valid":   good,
		"corrupt": bad,
	})
}
