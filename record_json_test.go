package millpond_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/millpond-dev/millpond"
)

// S6: the JSON of a record that comes in parts is that of the event, however it is split.
func TestRecordJSON(t *testing.T) {
	var r millpond.RecordJSON
	for _, ex := range examples() {
		record, want := millpond.AppendRecord(nil, &ex.event), ex.event.AppendJSON(nil)
		for _, size := range []int{1, 2, 3, 7, 100, len(record)} {
			got, err := recordJSON(&r, record, size)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, in parts of %d: got %s, %v, want %s", ex.name, size, got, err, want)
			}
		}
		for n := range record { // no prefix of a record is a record, and the next one is not hurt
			if got, err := recordJSON(&r, record[:n], 5); !errors.Is(err, millpond.ErrCorruptRecord) {
				t.Errorf("%s, the first %d bytes: got %s, %v", ex.name, n, got, err)
			}
		}
		if got, err := recordJSON(&r, append(record, 0), 5); !errors.Is(err, millpond.ErrCorruptRecord) {
			t.Errorf("%s and a byte more: got %s, %v", ex.name, got, err)
		}
	}
	if _, err := r.Append(nil, bytes.Repeat([]byte{0x80}, 2000)); !errors.Is(err, millpond.ErrCorruptRecord) {
		t.Errorf("a head without end: %v", err)
	}
}

// S6: it holds no more than what is not payload.
func TestRecordJSONHoldsLittle(t *testing.T) {
	e := millpond.Event{Offset: 1, Type: "large", Payload: json.RawMessage(`"` + string(bytes.Repeat([]byte("x"), 8<<20)) + `"`)}
	record := millpond.AppendRecord(nil, &e)
	var r millpond.RecordJSON
	out := make([]byte, 0, 64<<10)
	got := allocated(func() {
		for rest := record; len(rest) > 0; {
			n := min(len(rest), 32<<10)
			if _, err := r.Append(out[:0], rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
	})
	if got > 256<<10 {
		t.Errorf("%d bytes were allocated for a record of %d", got, len(record))
	}
}

func recordJSON(r *millpond.RecordJSON, record []byte, size int) (text []byte, err error) {
	for len(record) > 0 && err == nil {
		n := min(size, len(record))
		text, err = r.Append(text, record[:n])
		record = record[n:]
	}
	if err == nil {
		return r.End(text)
	}
	*r = millpond.RecordJSON{}
	return nil, err
}
