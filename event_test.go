package millpond_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

// S4: what was appended is read back, byte for byte.
func TestEventJSON(t *testing.T) {
	for _, ex := range examples() {
		text := ex.event.AppendJSON(nil)
		if !json.Valid(text) {
			t.Errorf("%s: not JSON: %s", ex.name, text)
		}
		var back millpond.Event
		if err := back.UnmarshalJSON(text); err != nil || !reflect.DeepEqual(back, ex.event) {
			t.Errorf("%s: read back as %+v, %v; want %+v", ex.name, back, err, ex.event)
		}
	}
}

const eventTime = `"createdAt":"2025-03-01T12:00:00.000000000Z"`

var invalidEvents = []struct {
	why, text string
	want      refusal
}{
	{"no offset", `{"type":"a",` + eventTime + `}`, refusal{millpond.InvalidEvent, "offset"}},
	{"offset 0", `{"offset":0,"type":"a",` + eventTime + `}`, refusal{millpond.InvalidEvent, "offset"}},
	{"offset with an exponent", `{"offset":1e3,"type":"a",` + eventTime + `}`, refusal{millpond.InvalidEvent, "offset"}},
	{"no type", `{"offset":1,` + eventTime + `}`, refusal{millpond.InvalidEvent, "type"}},
	{"unknown field", `{"offset":1,"type":"a","x":1,` + eventTime + `}`, refusal{millpond.InvalidEvent, "x"}},
	{"repeated field", `{"offset":1,"offset":1,"type":"a",` + eventTime + `}`, refusal{millpond.InvalidEvent, "offset"}},
	{"case matters", `{"Offset":1,"type":"a",` + eventTime + `}`, refusal{millpond.InvalidEvent, "Offset"}},
	{"no time", `{"offset":1,"type":"a"}`, refusal{millpond.InvalidEvent, "createdAt"}},
	{"time null", `{"offset":1,"type":"a","createdAt":null}`, refusal{millpond.InvalidEvent, "createdAt"}},
	{"time a number", `{"offset":1,"type":"a","createdAt":1}`, refusal{millpond.InvalidEvent, "createdAt"}},
	{"time without nanoseconds", `{"offset":1,"type":"a","createdAt":"2025-03-01T12:00:00Z"}`, refusal{millpond.InvalidEvent, "createdAt"}},
	{"time with a comma", `{"offset":1,"type":"a","createdAt":"2025-03-01T12:00:00,000000000Z"}`, refusal{millpond.InvalidEvent, "createdAt"}},
	{"time in another zone", `{"offset":1,"type":"a","createdAt":"2025-03-01T12:00:00.000000000+01:00"}`, refusal{millpond.InvalidEvent, "createdAt"}},
	{"time out of range", `{"offset":1,"type":"a","createdAt":"1600-01-01T00:00:00.000000000Z"}`, refusal{millpond.InvalidEvent, "createdAt"}},
	{"not an object", `[]`, refusal{millpond.InvalidEvent, ""}},
	{"cut off", `{"offset":1`, refusal{millpond.InvalidRequest, ""}},
}

func TestEventJSONRefused(t *testing.T) {
	for _, test := range invalidEvents {
		e := millpond.Event{Offset: 99}
		err := e.UnmarshalJSON([]byte(test.text))
		if err == nil {
			t.Errorf("%s: accepted", test.why)
			continue
		}
		if got := refusalOf(t, err); got != test.want {
			t.Errorf("%s: error %+v, want %+v", test.why, got, test.want)
		}
		if !reflect.DeepEqual(e, millpond.Event{Offset: 99}) {
			t.Errorf("%s: the event has changed", test.why)
		}
	}
}

func TestEventsJSON(t *testing.T) {
	if got := string(millpond.AppendEventsJSON(nil, nil)); got != "[]" {
		t.Errorf("no events: %s", got)
	}
	two := make([]millpond.Event, 2)
	two[0], two[1] = examples()[2].event, examples()[4].event
	want := "[" + string(two[0].AppendJSON(nil)) + "," + string(two[1].AppendJSON(nil)) + "]"
	if got := string(millpond.AppendEventsJSON(nil, two)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGoldenEvents(t *testing.T) {
	type valid struct {
		Name  string      `json:"name"`
		Text  string      `json:"text"`
		Event eventVector `json:"event"`
	}
	type invalid struct {
		Why  string `json:"why"`
		Text string `json:"text"`
		refusal
	}
	var good []valid
	for _, ex := range examples() {
		good = append(good, valid{ex.name, string(ex.event.AppendJSON(nil)), vectorOf(&ex.event)})
	}
	var bad []invalid
	for _, test := range invalidEvents {
		bad = append(bad, invalid{test.why, test.text, refusalOf(t, new(millpond.Event).UnmarshalJSON([]byte(test.text)))})
	}
	golden(t, "events.json", map[string]any{
		"about": strings.Join([]string{"Committed events as JSON text, exactly as the server writes them, and what they say:",
			"payload and metadata as the text that they are, null where there is none; offset and nanoseconds since 1970 as strings."}, " "),
		"valid":   good,
		"invalid": bad,
	})
}
