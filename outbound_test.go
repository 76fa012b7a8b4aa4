package millpond_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

func configured(payload string) [2]string {
	return [2]string{millpond.TypeSubscriptionConfigured, payload}
}

// S9, S13: the state keeps subscriptions by key and processors by slug.
func TestReduceSubscriptions(t *testing.T) {
	seven := uint64(7)
	type subs = map[string]millpond.OutboundSubscription
	for _, test := range []struct {
		name   string
		events [][2]string
		want   subs
	}{
		{"none", nil, nil},
		{"one", [][2]string{configured(`{"key":"a","processor":"echo"}`)}, subs{"a": {Processor: "echo", ConfiguredAt: 3}}},
		{"with an anchor", [][2]string{configured(`{"key":"a","processor":"echo","anchor":7}`)}, subs{"a": {"echo", 3, &seven}}},
		{"two keys", [][2]string{configured(`{"key":"a","processor":"echo"}`), configured(`{"key":"b","processor":"echo"}`)},
			subs{"a": {Processor: "echo", ConfiguredAt: 3}, "b": {Processor: "echo", ConfiguredAt: 4}}},
		{"replaced", [][2]string{configured(`{"key":"a","processor":"echo"}`), configured(`{"key":"a","processor":"other"}`)},
			subs{"a": {Processor: "other", ConfiguredAt: 4}}},
		{"removed", [][2]string{configured(`{"key":"a","processor":"echo"}`), configured(`{"key":"a","processor":null}`)}, nil},
		{"what was never there is removed", [][2]string{configured(`{"key":"a","processor":null}`)}, nil},
		{"one of two is removed", [][2]string{configured(`{"key":"a","processor":"echo"}`), configured(`{"key":"b","processor":"echo"}`),
			configured(`{"key":"a","processor":null}`)}, subs{"b": {Processor: "echo", ConfiguredAt: 4}}},
		{"a payload that cannot be read", [][2]string{configured(`{"key":"a"}`)}, nil},
	} {
		got := fold(append([][2]string{createdEvent, wokenEvent}, test.events...)...)
		if !reflect.DeepEqual(got.Subscriptions, test.want) {
			t.Errorf("%s: got %+v, want %+v", test.name, got.Subscriptions, test.want)
		}
	}

	register := func(contract string) [2]string { return [2]string{millpond.TypeProcessorRegistered, contract} }
	got := fold(createdEvent, register(`{"slug":"echo","version":"1","consumes":["*"]}`), register(`{"slug":"b","version":"1","consumes":["x"]}`),
		register(`{"slug":"echo","version":"2","consumes":["x"],"emits":["y"]}`), register(`7`)).Processors
	want := map[string]millpond.Contract{
		"echo": {Slug: "echo", Version: "2", Consumes: []string{"x"}, Emits: []string{"y"}},
		"b":    {Slug: "b", Version: "1", Consumes: []string{"x"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("processors: got %+v, want %+v", got, want)
	}
}

// S13: states are values: reducing one leaves the maps of the one before as they were.
func TestReduceSubscriptionsIsPure(t *testing.T) {
	before := fold(createdEvent, configured(`{"key":"a","processor":"echo"}`), [2]string{millpond.TypeProcessorRegistered, `{"slug":"echo"}`})
	text, _ := json.Marshal(before)
	for _, e := range [][2]string{configured(`{"key":"a","processor":null}`), configured(`{"key":"b","processor":"echo"}`),
		{millpond.TypeProcessorRegistered, `{"slug":"b"}`}} {
		before.Reduce(&millpond.Event{Offset: 9, Type: e[0], Payload: []byte(e[1])})
	}
	if after, _ := json.Marshal(before); string(after) != string(text) {
		t.Errorf("the state before has changed: %s, was %s", after, text)
	}
}

// S13: the payload is validated, and the error names the field.
func TestSubscriptionConfiguredPayload(t *testing.T) {
	for _, test := range []struct{ payload, field string }{
		{`{"key":"a","processor":"echo"}`, ""},
		{`{"key":"a","processor":"echo","anchor":0}`, ""},
		{`{"key":"a","processor":null}`, ""},
		{``, "payload"},
		{`7`, "payload"},
		{`null`, "payload"},
		{`{"key":"a"}`, "payload.processor"},
		{`{"key":"a","processor":7}`, "payload.processor"},
		{`{"key":"a","processor":""}`, "payload.processor"},
		{`{"processor":"echo"}`, "payload.key"},
		{`{"key":7,"processor":"echo"}`, "payload.key"},
		{`{"key":"` + strings.Repeat("k", millpond.MaxSubscriptionKeyBytes+1) + `","processor":"echo"}`, "payload.key"},
		{`{"key":"a","processor":"echo","anchor":-1}`, "payload.anchor"},
		{`{"key":"a","processor":"echo","anchor":null}`, "payload.anchor"},
		{`{"key":"a","processor":"echo","url":"http://x"}`, "payload.url"},
		{`{"key":"a","Key":"b","processor":"echo"}`, "payload.Key"},
	} {
		body := `{"type":"stream/subscription-configured"`
		if test.payload != "" {
			body += `,"payload":` + test.payload
		}
		_, _, err := millpond.ParseInputs([]byte(body + "}"))
		got := ""
		if err != nil {
			got = refusalOf(t, err).Field
		}
		if got != test.field {
			t.Errorf("%s: error %v, want one of %q", test.payload, err, test.field)
		}
	}
}

// S13: what a state refuses: too many, and an anchor in the future.
func TestCheckSubscription(t *testing.T) {
	events := [][2]string{createdEvent}
	for i := range millpond.MaxOutboundSubscriptions {
		events = append(events, configured(fmt.Sprintf(`{"key":"k%d","processor":"echo"}`, i)))
	}
	full := fold(events...)
	for _, test := range []struct {
		payload string
		refused bool
	}{
		{`{"key":"one more","processor":"echo"}`, true},
		{`{"key":"k0","processor":"other"}`, false},
		{`{"key":"k0","processor":null}`, false},
		{`{"key":"k0","processor":"echo","anchor":` + fmt.Sprint(len(events)) + `}`, false},
		{`{"key":"k0","processor":"echo","anchor":` + fmt.Sprint(len(events)+1) + `}`, true},
	} {
		err := full.CheckSubscription(&millpond.Input{Type: millpond.TypeSubscriptionConfigured, Payload: []byte(test.payload)})
		if got := errors.Is(err, millpond.InvalidEvent); got != test.refused || !got && err != nil {
			t.Errorf("%s: %v, refused should be %v", test.payload, err, test.refused)
		}
	}
	if err := full.CheckSubscription(&millpond.Input{Type: "x"}); err != nil {
		t.Error(err)
	}
}
