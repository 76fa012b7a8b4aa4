package millpond_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

var validInputs = []struct{ name, body string }{
	{"only a type", `{"type":"tick"}`},
	{"every field", `{"type":"chat/message","payload":{"text":"hi"},"metadata":{"trace":1},` +
		`"source":{"processor":{"slug":"echo","version":"1"}},"idempotencyKey":"m-1","offset":7}`},
	{"meant for one life of the stream", `{"type":"a","incarnation":"2026-01-02T03:04:05.000000006Z"}`},
	{"any order, white space around", " \t\r\n{ \"payload\" : [ 1 ] , \"type\" : \"a\" }\n"},
	{"escapes in keys and values", `{"\u0074ype":"\ud83c\udf0a"}`},
	{"payload null is a payload", `{"type":"a","payload":null}`},
	{"payload of equal keys and a lone surrogate, as it is", `{"type":"a","payload":{"k":"\ud800","k":1}}`},
	{"deepest payload", `{"type":"a","payload":` + nested(millpond.MaxJSONDepth) + `}`},
	{"core types of clients", `[{"type":"stream/paused","payload":{"reason":"maintenance"}},{"type":"stream/resumed"},` +
		`{"type":"stream/configured","payload":{}},{"type":"stream/metadata-updated","payload":{"title":"T"}}]`},
	{"batch of one", `[{"type":"a"}]`},
	{"to another stream", `[{"type":"a","stream":"../x"},{"type":"a","stream":"/a/x"}]`},
}

var invalidInputs = []struct {
	why, body string
	want      refusal
}{
	{"empty", ``, refusal{millpond.InvalidRequest, ""}},
	{"a key of the system's", `{"type":"a","idempotencyKey":"stream/x"}`, refusal{millpond.InvalidEvent, "idempotencyKey"}},
	{"only white space", " \n", refusal{millpond.InvalidRequest, ""}},
	{"not JSON", `hello`, refusal{millpond.InvalidRequest, ""}},
	{"a number", `1`, refusal{millpond.InvalidEvent, ""}},
	{"null", `null`, refusal{millpond.InvalidEvent, ""}},
	{"cut off", `{"type":"a"`, refusal{millpond.InvalidRequest, ""}},
	{"cut off in a value", `{"type":"a`, refusal{millpond.InvalidRequest, ""}},
	{"comma at the end", `{"type":"a",}`, refusal{millpond.InvalidRequest, ""}},
	{"comma at the start", `{,"type":"a"}`, refusal{millpond.InvalidRequest, ""}},
	{"two commas", `{"type":"a",,"payload":1}`, refusal{millpond.InvalidRequest, ""}},
	{"no comma", `{"type":"a" "payload":1}`, refusal{millpond.InvalidRequest, ""}},
	{"no colon", `{"type" "a"}`, refusal{millpond.InvalidRequest, ""}},
	{"two colons", `{"type"::"a"}`, refusal{millpond.InvalidRequest, ""}},
	{"key without quotes", `{type:"a"}`, refusal{millpond.InvalidRequest, ""}},
	{"key without a value", `{"type":"a","payload"}`, refusal{millpond.InvalidRequest, ""}},
	{"ends with the other bracket", `{"type":"a"]`, refusal{millpond.InvalidRequest, ""}},
	{"another value after it", `{"type":"a"}{"type":"b"}`, refusal{millpond.InvalidRequest, ""}},
	{"text after it", `{"type":"a"} x`, refusal{millpond.InvalidRequest, ""}},
	{"byte order mark", "\ufeff" + `{"type":"a"}`, refusal{millpond.InvalidRequest, ""}},
	{"no-break space around it", "\u00a0" + `{"type":"a"}`, refusal{millpond.InvalidRequest, ""}},
	{"comment", `{"type":"a"/**/}`, refusal{millpond.InvalidRequest, ""}},

	{"unknown field", `{"type":"a","colour":"red"}`, refusal{millpond.InvalidEvent, "colour"}},
	{"unknown field is named once, cut short", `{"` + strings.Repeat("é", 1000) + `":1}`,
		refusal{millpond.InvalidEvent, strings.Repeat("é", 64) + "…"}},
	{"field of the server", `{"type":"a","createdAt":"2025-03-01T12:00:00.000000000Z"}`, refusal{millpond.InvalidEvent, "createdAt"}},
	{"case matters", `{"Type":"a"}`, refusal{millpond.InvalidEvent, "Type"}},
	{"repeated field", `{"type":"a","type":"b"}`, refusal{millpond.InvalidEvent, "type"}},
	{"repeated field, escaped", `{"type":"a","\u0074ype":"b"}`, refusal{millpond.InvalidEvent, "type"}},

	{"stream is no string", `{"type":"a","stream":7}`, refusal{millpond.InvalidEvent, "stream"}},
	{"empty stream", `{"type":"a","stream":""}`, refusal{millpond.InvalidEvent, "stream"}},
	{"long stream", `{"type":"a","stream":"` + strings.Repeat("/a", 300) + `"}`, refusal{millpond.InvalidEvent, "stream"}},
	{"long reason of a pause", `{"type":"stream/paused","payload":{"reason":"` + strings.Repeat("r", 1025) + `"}}`,
		refusal{millpond.EventTooLarge, "payload.reason"}},
	{"large payload of a core type", `{"type":"stream/metadata-updated","payload":{"a":"` + strings.Repeat("r", 64<<10) + `"}}`,
		refusal{millpond.EventTooLarge, "payload"}},
	{"presence of an unknown kind", `{"type":"stream/configured","payload":{"presence":"loud"}}`, refusal{millpond.InvalidEvent, "payload.presence"}},

	{"no type", `{"payload":1}`, refusal{millpond.InvalidEvent, "type"}},
	{"empty type", `{"type":""}`, refusal{millpond.InvalidEvent, "type"}},
	{"type null", `{"type":null}`, refusal{millpond.InvalidEvent, "type"}},
	{"type a number", `{"type":1}`, refusal{millpond.InvalidEvent, "type"}},
	{"type over 256 bytes", `{"type":"` + strings.Repeat("t", 257) + `"}`, refusal{millpond.InvalidEvent, "type"}},
	{"control character in the type", `{"type":"a\nb"}`, refusal{millpond.InvalidEvent, "type"}},
	{"lone surrogate in the type", `{"type":"a\ud800"}`, refusal{millpond.InvalidEvent, "type"}},
	{"U+FFFD in the type", `{"type":"a` + "\ufffd" + `"}`, refusal{millpond.InvalidEvent, "type"}},
	{"type of the system", `{"type":"stream/created"}`, refusal{millpond.InvalidEvent, "type"}},
	{"unknown type of the system", `{"type":"stream/anything"}`, refusal{millpond.InvalidEvent, "type"}},

	{"empty key", `{"type":"a","idempotencyKey":""}`, refusal{millpond.InvalidEvent, "idempotencyKey"}},
	{"key null", `{"type":"a","idempotencyKey":null}`, refusal{millpond.InvalidEvent, "idempotencyKey"}},
	{"lone surrogate in the key", `{"type":"a","idempotencyKey":"\ud800"}`, refusal{millpond.InvalidEvent, "idempotencyKey"}},
	{"key over 512 bytes", `{"type":"a","idempotencyKey":"` + strings.Repeat("k", 513) + `"}`, refusal{millpond.InvalidEvent, "idempotencyKey"}},

	{"incarnation empty", `{"type":"a","incarnation":""}`, refusal{millpond.InvalidEvent, "incarnation"}},
	{"incarnation in another form", `{"type":"a","incarnation":"2026-01-02T03:04:05Z"}`, refusal{millpond.InvalidEvent, "incarnation"}},
	{"incarnation of no day", `{"type":"a","incarnation":"2026-02-31T03:04:05.000000006Z"}`, refusal{millpond.InvalidEvent, "incarnation"}},
	{"incarnation as a number", `{"type":"a","incarnation":1}`, refusal{millpond.InvalidEvent, "incarnation"}},
	{"offset 0", `{"type":"a","offset":0}`, refusal{millpond.InvalidEvent, "offset"}},
	{"negative offset", `{"type":"a","offset":-1}`, refusal{millpond.InvalidEvent, "offset"}},
	{"offset with a fraction", `{"type":"a","offset":1.0}`, refusal{millpond.InvalidEvent, "offset"}},
	{"offset with an exponent", `{"type":"a","offset":1e3}`, refusal{millpond.InvalidEvent, "offset"}},
	{"offset of 65 bits", `{"type":"a","offset":18446744073709551616}`, refusal{millpond.InvalidEvent, "offset"}},
	{"offset as text", `{"type":"a","offset":"1"}`, refusal{millpond.InvalidEvent, "offset"}},
	{"offset null", `{"type":"a","offset":null}`, refusal{millpond.InvalidEvent, "offset"}},

	{"payload too deep", `{"type":"a","payload":` + nested(millpond.MaxJSONDepth+1) + `}`, refusal{millpond.InvalidEvent, "payload"}},
	{"metadata an array", `{"type":"a","metadata":[]}`, refusal{millpond.InvalidEvent, "metadata"}},
	{"metadata null", `{"type":"a","metadata":null}`, refusal{millpond.InvalidEvent, "metadata"}},

	{"source null", `{"type":"a","source":null}`, refusal{millpond.InvalidEvent, "source"}},
	{"source without a processor", `{"type":"a","source":{}}`, refusal{millpond.InvalidEvent, "source.processor"}},
	{"unknown field of the source", `{"type":"a","source":{"agent":1}}`, refusal{millpond.InvalidEvent, "source.agent"}},
	{"unknown field of the processor", `{"type":"a","source":{"processor":{"name":"x"}}}`, refusal{millpond.InvalidEvent, "source.processor.name"}},
	{"no slug", `{"type":"a","source":{"processor":{"version":"1"}}}`, refusal{millpond.InvalidEvent, "source.processor.slug"}},
	{"empty version", `{"type":"a","source":{"processor":{"slug":"s","version":""}}}`, refusal{millpond.InvalidEvent, "source.processor.version"}},

	{"paused without a payload", `{"type":"stream/paused"}`, refusal{millpond.InvalidEvent, "payload"}},
	{"paused without a reason", `{"type":"stream/paused","payload":{"reason":""}}`, refusal{millpond.InvalidEvent, "payload"}},
	{"configured with an array", `{"type":"stream/configured","payload":[]}`, refusal{millpond.InvalidEvent, "payload"}},
	{"metadata-updated without a payload", `{"type":"stream/metadata-updated"}`, refusal{millpond.InvalidEvent, "payload"}},

	{"empty batch", `[]`, refusal{millpond.InvalidRequest, ""}},
	{"batch names the index", `[{"type":"a"},{"type":"b"},{"type":3}]`, refusal{millpond.InvalidEvent, "[2].type"}},
	{"batch in a batch", `[{"type":"a"},[]]`, refusal{millpond.InvalidEvent, "[1]"}},
	{"batch, nested field", `[{"type":"a","source":{"processor":{"slug":1}}}]`, refusal{millpond.InvalidEvent, "[0].source.processor.slug"}},
	{"batch, comma at the end", `[{"type":"a"},]`, refusal{millpond.InvalidRequest, ""}},
	{"batch, comma at the start", `[,{"type":"a"}]`, refusal{millpond.InvalidRequest, ""}},
	{"batch, no comma", `[{"type":"a"} {"type":"b"}]`, refusal{millpond.InvalidRequest, ""}},
	{"batch, cut off", `[{"type":"a"}`, refusal{millpond.InvalidRequest, ""}},
	{"batch, text after it", `[{"type":"a"}]]`, refusal{millpond.InvalidRequest, ""}},
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// S4: unknown fields are rejected by name, the type is required and bounded, source and metadata are checked.
func TestParseInputs(t *testing.T) {
	for _, test := range validInputs {
		inputs, batch, err := millpond.ParseInputs([]byte(test.body))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if batch != (test.body[0] == '[') {
			t.Errorf("%s: batch = %v", test.name, batch)
		}
		for _, in := range inputs { // what is written is read as the same
			var back millpond.Input
			if err := back.UnmarshalJSON(in.AppendJSON(nil)); err != nil || !reflect.DeepEqual(back, in) {
				t.Errorf("%s: read back as %+v, %v; want %+v", test.name, back, err, in)
			}
		}
	}
	for _, test := range invalidInputs {
		inputs, _, err := millpond.ParseInputs([]byte(test.body))
		if err == nil {
			t.Errorf("%s: accepted", test.why)
			continue
		}
		if got := refusalOf(t, err); got != test.want {
			t.Errorf("%s: error %+v, want %+v (%v)", test.why, got, test.want, err)
		}
		if inputs != nil {
			t.Errorf("%s: %d inputs beside the error", test.why, len(inputs))
		}
	}
}

// The cases that are too large, or not text, for the vectors.
func TestParseInputsLimits(t *testing.T) {
	payload := func(n int) string { return `{"type":"a","payload":"` + strings.Repeat("x", n-2) + `"}` }
	metadata := func(n int) string { return `{"type":"a","metadata":{"k":"` + strings.Repeat("x", n-8) + `"}}` }
	batch := func(n int) string { return "[" + strings.Repeat(`{"type":"a"},`, n-1) + `{"type":"a"}]` }
	ok := refusal{}
	for _, test := range []struct {
		name, body string
		want       refusal
	}{
		{"largest payload", payload(millpond.MaxEventBytes), ok},
		{"payload over the limit", payload(millpond.MaxEventBytes + 1), refusal{millpond.EventTooLarge, "payload"}},
		{"largest metadata", metadata(millpond.MaxMetadataBytes), ok},
		{"metadata over the limit", metadata(millpond.MaxMetadataBytes + 1), refusal{millpond.EventTooLarge, "metadata"}},
		{"payload and metadata together over the limit", payload(millpond.MaxEventBytes - 1)[:millpond.MaxEventBytes+20] + `","metadata":{}}`,
			refusal{millpond.EventTooLarge, "payload"}},
		{"largest batch", batch(millpond.MaxBatchEvents), ok},
		{"batch of too many", batch(millpond.MaxBatchEvents + 1), refusal{millpond.EventTooLarge, ""}},
		{"body over the limit", strings.Repeat(" ", millpond.MaxAppendBytes) + "1", refusal{millpond.EventTooLarge, ""}},
		{"invalid UTF-8 in the type", "{\"type\":\"a\xff\"}", refusal{millpond.InvalidEvent, "type"}},
		{"invalid UTF-8 in the payload", "{\"type\":\"a\",\"payload\":\"\xff\"}", refusal{millpond.InvalidEvent, "payload"}},
		{"surrogate in UTF-8 in the payload", "{\"type\":\"a\",\"payload\":\"\xed\xa0\x80\"}", refusal{millpond.InvalidEvent, "payload"}},
		{"invalid UTF-8 in a key", "{\"type\":\"a\",\"x\xff\":1}", refusal{millpond.InvalidEvent, "x\ufffd"}},
	} {
		_, _, err := millpond.ParseInputs([]byte(test.body))
		got := refusal{}
		if err != nil {
			got = refusalOf(t, err)
		}
		if got != test.want {
			t.Errorf("%s: error %+v, want %+v (%v)", test.name, got, test.want, err)
		}
	}
}

// A program that makes inputs itself is told of what JSON would have hidden.
func TestInputValidate(t *testing.T) {
	for _, test := range []struct {
		in    millpond.Input
		field string
	}{
		{millpond.Input{Type: "a", Payload: []byte{}}, "payload"},
		{millpond.Input{Type: "a", Payload: []byte(` 1`)}, "payload"},
		{millpond.Input{Type: "a", Payload: []byte("1\n")}, "payload"},
		{millpond.Input{Type: "a", Payload: []byte(`{`)}, "payload"},
		{millpond.Input{Type: "a", Metadata: []byte{}}, "metadata"},
		{millpond.Input{Type: "a\xff"}, "type"},
		{millpond.Input{Type: "a", Source: &millpond.Source{}}, "source.processor.slug"},
	} {
		err := test.in.Validate()
		var e *millpond.Error
		if !errors.As(err, &e) || e.Code != millpond.InvalidEvent || e.Field != test.field {
			t.Errorf("%+v: error %v, want %s", test.in, err, test.field)
		}
	}
	system := millpond.Input{Type: millpond.TypeWoken}
	if err := system.Validate(); err != nil {
		t.Errorf("the system's own type: %v", err)
	}
}

func TestGoldenInputs(t *testing.T) {
	type input struct {
		Type           string                `json:"type"`
		Payload        *string               `json:"payload"`
		Metadata       *string               `json:"metadata"`
		Source         *millpond.ProcessorID `json:"source"`
		IdempotencyKey *string               `json:"idempotencyKey"`
		Offset         *string               `json:"offset"`
		Incarnation    *string               `json:"incarnation"`
	}
	type valid struct {
		Name   string  `json:"name"`
		Body   string  `json:"body"`
		Batch  bool    `json:"batch"`
		Inputs []input `json:"inputs"`
	}
	type invalid struct {
		Why  string `json:"why"`
		Body string `json:"body"`
		refusal
	}
	var good []valid
	for _, test := range validInputs {
		inputs, batch, err := millpond.ParseInputs([]byte(test.body))
		if err != nil {
			t.Fatal(err)
		}
		v := valid{Name: test.name, Body: test.body, Batch: batch}
		for _, in := range inputs {
			e := vectorOf(&millpond.Event{Type: in.Type, Payload: in.Payload, Metadata: in.Metadata, Source: in.Source,
				IdempotencyKey: in.IdempotencyKey, Offset: in.Offset})
			out := input{e.Type, e.Payload, e.Metadata, e.Source, e.IdempotencyKey, &e.Offset, nil}
			if in.Incarnation != "" {
				text := string(in.Incarnation)
				out.Incarnation = &text
			}
			if in.Offset == 0 {
				out.Offset = nil
			}
			v.Inputs = append(v.Inputs, out)
		}
		good = append(good, v)
	}
	var bad []invalid
	for _, test := range invalidInputs {
		_, _, err := millpond.ParseInputs([]byte(test.body))
		bad = append(bad, invalid{test.why, test.body, refusalOf(t, err)})
	}
	golden(t, "inputs.json", map[string]any{
		"about": "Bodies of an append: what they are read as (payload and metadata as the text that they are, null where there is " +
			"none), or the code and field of the error.",
		"valid":   good,
		"invalid": bad,
	})
}
