package millpond_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

func TestRecord(t *testing.T) {
	for _, ex := range examples() {
		record := millpond.AppendRecord(nil, &ex.event)
		var got millpond.Event
		if err := millpond.DecodeRecord(record, &got); err != nil || !reflect.DeepEqual(got, ex.event) {
			t.Errorf("%s: decoded %+v, %v; want %+v", ex.name, got, err, ex.event)
		}
		if got := millpond.RecordOffset(record); got != ex.event.Offset {
			t.Errorf("%s: RecordOffset = %d", ex.name, got)
		}
		if got := string(millpond.RecordType(record)); got != ex.event.Type {
			t.Errorf("%s: RecordType = %q", ex.name, got)
		}
		if len(record) > millpond.MaxRecordBytes {
			t.Errorf("%s: %d bytes are over MaxRecordBytes", ex.name, len(record))
		}
		for n := range record { // no prefix of a record is a record
			if err := millpond.DecodeRecord(record[:n], &got); !errors.Is(err, millpond.ErrCorruptRecord) {
				t.Errorf("%s, first %d bytes: error %v", ex.name, n, err)
			}
		}
	}
}

func TestLargestRecord(t *testing.T) {
	e := examples()[len(examples())-1].event
	e.Type = strings.Repeat("t", millpond.MaxTypeBytes)
	e.IdempotencyKey = strings.Repeat("k", millpond.MaxIdempotencyKeyBytes)
	e.Metadata = []byte(`{"k":"` + strings.Repeat("m", millpond.MaxMetadataBytes-8) + `"}`)
	e.Payload = []byte(`"` + strings.Repeat("p", millpond.MaxEventBytes-millpond.MaxMetadataBytes-2) + `"`)
	e.Source = &millpond.Source{Processor: millpond.ProcessorID{
		Slug: strings.Repeat("s", millpond.MaxSlugBytes), Version: strings.Repeat("v", millpond.MaxVersionBytes)}}
	record := millpond.AppendRecord(nil, &e)
	if len(record) > millpond.MaxRecordBytes {
		t.Errorf("%d bytes are over MaxRecordBytes", len(record))
	}
	if room := millpond.MaxFrameBytes - millpond.MaxBatchHeaderBytes; millpond.FramedRecordBytes(millpond.MaxPartBytes) > room {
		t.Error("a frame has no room for the largest record that is sent whole")
	}
	var got millpond.Event
	if err := millpond.DecodeRecord(record, &got); err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("not read back: %v", err)
	}
}

// corruptRecords are given as hexadecimal digits, with spaces between the fields.
var corruptRecords = []struct{ why, hex string }{
	{"empty", ""},
	{"unknown flag", "10 01 0000000000000000 0161"},
	{"offset 0", "00 00 0000000000000000 0161"},
	{"offset not minimal", "00 8100 0000000000000000 0161"},
	{"offset over 64 bits", "00 ffffffffffffffffff02 0000000000000000 0161"},
	{"offset without an end", "00 80"},
	{"time cut off", "00 01 00000000000000"},
	{"empty type", "00 01 0000000000000000 00"},
	{"type longer than the record", "00 01 0000000000000000 0261"},
	{"type over 256 bytes", "00 01 0000000000000000 8102" + strings.Repeat("61", 257)},
	{"length of 2^64-1", "00 01 0000000000000000 ffffffffffffffffff01 61"},
	{"length not minimal", "00 01 0000000000000000 8100 61"},
	{"empty key", "08 01 0000000000000000 0161 00"},
	{"empty payload", "01 01 0000000000000000 0161 00"},
	{"no payload after its flag", "01 01 0000000000000000 0161"},
	{"payload over its limit, not allocated", "01 01 0000000000000000 0161 818020"},
	{"empty metadata", "02 01 0000000000000000 0161 00"},
	{"metadata over its limit", "02 01 0000000000000000 0161 818004"},
	{"source without a version", "04 01 0000000000000000 0161 0173"},
	{"empty slug", "04 01 0000000000000000 0161 00 0131"},
	{"empty version", "04 01 0000000000000000 0161 0173 00"},
	{"bytes after the end", "00 01 0000000000000000 0161 00"},
}

func TestCorruptRecord(t *testing.T) {
	for _, test := range corruptRecords {
		var e millpond.Event
		if err := millpond.DecodeRecord(unhex(t, test.hex), &e); !errors.Is(err, millpond.ErrCorruptRecord) {
			t.Errorf("%s: error %v", test.why, err)
		}
	}
	whole := unhex(t, "00 01 0000000000000000 0161") // what the cases are made from is a record
	if err := millpond.DecodeRecord(whole, new(millpond.Event)); err != nil {
		t.Error(err)
	}
	for _, corrupt := range []string{"", "00", "00 80", "00 8100", "00 00"} {
		if got := millpond.RecordOffset(unhex(t, corrupt)); got != 0 {
			t.Errorf("RecordOffset of %q = %d", corrupt, got)
		}
		if got := millpond.RecordType(unhex(t, corrupt)); got != nil {
			t.Errorf("RecordType of %q = %q", corrupt, got)
		}
	}
}

// Decoding many events of one type into one Event allocates nothing: payloads are slices, the type is used again.
func TestDecodeRecordAllocates(t *testing.T) {
	e := millpond.Event{Offset: 1, Type: "chat/message", Payload: []byte(`{"text":"hi"}`)}
	record := millpond.AppendRecord(nil, &e)
	var into millpond.Event
	if n := testing.AllocsPerRun(100, func() { _ = millpond.DecodeRecord(record, &into) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestGoldenRecords(t *testing.T) {
	type valid struct {
		Name       string        `json:"name"`
		Event      eventVector   `json:"event"`
		Record     string        `json:"record"`
		HashBefore millpond.Hash `json:"hashBefore"`
		HashAfter  millpond.Hash `json:"hashAfter"`
	}
	type corrupt struct {
		Why    string `json:"why"`
		Record string `json:"record"`
	}
	var good []valid
	var hash millpond.Hash
	for _, ex := range examples() {
		record := millpond.AppendRecord(nil, &ex.event)
		next := hash.Next(record)
		good = append(good, valid{ex.name, vectorOf(&ex.event), hex.EncodeToString(record), hash, next})
		hash = next
	}
	var bad []corrupt
	for _, test := range corruptRecords {
		bad = append(bad, corrupt{test.why, strings.ReplaceAll(test.hex, " ", "")})
	}
	golden(t, "records.json", map[string]any{
		"about": "Event records in hexadecimal, and the rolling hash: hashAfter is xxHash64 of the record's bytes with the seed " +
			"hashBefore; the first seed is 0. Corrupt records are refused.",
		"valid":   good,
		"corrupt": bad,
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
