package millpond_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

// Every decoder is fuzzed for the same properties: it does not panic; what it accepts is written as the same bytes or, for
// JSON, as text that means the same and is written the same from then on; what it refuses, it refuses with its own error.
// The seeds are the examples and the cases of the table tests. `make fuzz` runs each for a while.

func FuzzDecodeRecord(f *testing.F) {
	for _, ex := range examples() {
		f.Add(millpond.AppendRecord(nil, &ex.event))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		var e millpond.Event
		if err := millpond.DecodeRecord(record, &e); err != nil {
			if !errors.Is(err, millpond.ErrCorruptRecord) {
				t.Errorf("error %v", err)
			}
			return
		}
		if again := millpond.AppendRecord(nil, &e); !bytes.Equal(again, record) {
			t.Errorf("%x is written as %x", record, again)
		}
		if got := millpond.RecordOffset(record); got != e.Offset {
			t.Errorf("RecordOffset = %d, the record's is %d", got, e.Offset)
		}
	})
}

func FuzzDecodeBatch(f *testing.F) {
	for _, seed := range batches() {
		f.Add(seed.batch.AppendFrame(nil))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		b, err := millpond.DecodeBatch(frame)
		if err != nil {
			if !errors.Is(err, millpond.ErrCorruptFrame) {
				t.Errorf("error %v", err)
			}
			return
		}
		if again := b.AppendFrame(nil); !bytes.Equal(again, frame) {
			t.Errorf("%x is written as %x", frame, again)
		}
		var again []byte
		for rest := b.Records; len(rest) > 0; {
			record, tail, err := millpond.NextRecord(rest)
			if err != nil {
				if !errors.Is(err, millpond.ErrCorruptFrame) || len(tail) > 0 {
					t.Errorf("%d bytes left, error %v", len(tail), err)
				}
				return
			}
			again = millpond.AppendFramedRecord(again, record)
			rest = tail
		}
		if !bytes.Equal(again, b.Records) {
			t.Errorf("records %x are written as %x", b.Records, again)
		}
	})
}

func FuzzUnmarshalMessage(f *testing.F) {
	for _, seed := range messages() {
		f.Add(millpond.MarshalMessage(seed.message))
	}
	for _, seed := range invalidMessages {
		f.Add([]byte(seed.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := millpond.UnmarshalMessage(text)
		if err != nil {
			if got := refusalOf(t, err); got.Code != millpond.InvalidRequest {
				t.Errorf("error %v", err)
			}
			return
		}
		if !json.Valid(text) {
			t.Errorf("accepted what is not JSON: %q", text)
		}
		written := millpond.MarshalMessage(m)
		back, err := millpond.UnmarshalMessage(written)
		if err != nil || !reflect.DeepEqual(back, m) {
			t.Errorf("%s\nread as    %+v\nwritten as %s\nread as    %+v, %v", text, m, written, back, err)
		}
	})
}

func FuzzParseInputs(f *testing.F) {
	for _, seed := range validInputs {
		f.Add([]byte(seed.body))
	}
	for _, seed := range invalidInputs {
		f.Add([]byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		inputs, _, err := millpond.ParseInputs(body)
		if err != nil {
			refusalOf(t, err)
			return
		}
		if !json.Valid(body) {
			t.Errorf("accepted what is not JSON: %q", body)
		}
		written := []byte("[")
		for i := range inputs {
			if i > 0 {
				written = append(written, ',')
			}
			written = inputs[i].AppendJSON(written)
		}
		written = append(written, ']')
		if len(written) > millpond.MaxAppendBytes {
			return // escapes may make it longer
		}
		back, batch, err := millpond.ParseInputs(written)
		if err != nil || !batch || !reflect.DeepEqual(back, inputs) {
			t.Errorf("%s\nread as    %+v\nwritten as %s\nread as    %+v, %v", body, inputs, written, back, err)
		}
	})
}

func FuzzEventJSON(f *testing.F) {
	for _, ex := range examples() {
		f.Add(ex.event.AppendJSON(nil))
	}
	for _, seed := range invalidEvents {
		f.Add([]byte(seed.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var e, back millpond.Event
		if err := e.UnmarshalJSON(text); err != nil {
			refusalOf(t, err)
			return
		}
		if !json.Valid(text) {
			t.Errorf("accepted what is not JSON: %q", text)
		}
		written := e.AppendJSON(nil)
		if err := back.UnmarshalJSON(written); err != nil || !reflect.DeepEqual(back, e) {
			t.Errorf("%s\nwritten as %s\nread as    %+v, %v", text, written, back, err)
		}
		// A valid event has a record that is read as the same event.
		var stored millpond.Event
		if err := millpond.DecodeRecord(millpond.AppendRecord(nil, &e), &stored); err != nil || !reflect.DeepEqual(stored, e) {
			t.Errorf("%s\nstored as %+v, %v", text, stored, err)
		}
	})
}

func FuzzInputJSON(f *testing.F) {
	for _, seed := range validInputs {
		f.Add([]byte(seed.body))
	}
	for _, seed := range invalidInputs {
		f.Add([]byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var in, back millpond.Input
		if err := in.UnmarshalJSON(text); err != nil {
			refusalOf(t, err)
			return
		}
		written := in.AppendJSON(nil)
		if err := back.UnmarshalJSON(written); err != nil || !reflect.DeepEqual(back, in) {
			t.Errorf("%s\nwritten as %s\nread as    %+v, %v", text, written, back, err)
		}
	})
}

// The rules of a name, said another way than the code does.
var (
	namespaceRule = regexp.MustCompile(`^[a-z0-9._-]{1,64}$`)
	pathRule      = regexp.MustCompile(`^(/|(/[a-z0-9._-]+){1,64})$`)
	dotsRule      = regexp.MustCompile(`(^|/)\.\.?(/|$)`)
)

func FuzzName(f *testing.F) {
	for _, seed := range validNames {
		f.Add(seed.Namespace, seed.Path)
	}
	for _, seed := range invalidNames {
		f.Add(seed.name.Namespace, seed.name.Path)
	}
	f.Fuzz(func(t *testing.T, namespace, path string) {
		want := namespaceRule.MatchString(namespace) && !dotsRule.MatchString(namespace) &&
			pathRule.MatchString(path) && !dotsRule.MatchString(path) && len(path) <= 512
		name, err := millpond.NewName(namespace, path)
		if (err == nil) != want {
			t.Fatalf("NewName(%q, %q): error %v, the rules say %v", namespace, path, err, want)
		}
		if err != nil {
			refusalOf(t, err)
			return
		}
		if ns, p, _ := strings.Cut(name.String(), ":"); ns != namespace || p != path {
			t.Errorf("%q does not tell its parts", name)
		}
	})
}

func FuzzHashUnmarshalText(f *testing.F) {
	f.Add("0000000000000000")
	f.Add("00000000DEADBEEF")
	f.Fuzz(func(t *testing.T, text string) {
		var h millpond.Hash
		if err := h.UnmarshalText([]byte(text)); err != nil {
			refusalOf(t, err)
		} else if h.String() != text {
			t.Errorf("%q is written as %q", text, h)
		}
	})
}
