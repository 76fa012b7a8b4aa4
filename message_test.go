package millpond_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

const incarnation = millpond.Incarnation("2025-03-01T12:00:00.123456789Z")

// messages are all kinds of messages, with all fields and with as few as there may be.
func messages() []struct {
	from, name string
	message    millpond.Message
} {
	stream := millpond.Name{Namespace: "default", Path: "/chat/42"}
	after, start, hash := uint64(7), uint64(0), millpond.Hash(0xdeadbeef)
	events := []millpond.Event{examples()[3].event, examples()[4].event}
	return []struct {
		from, name string
		message    millpond.Message
	}{
		{"client", "hello", &millpond.Hello{Client: "millpond/0.1", Replica: "b7c1d0e2f3a44b5c", Token: "secret"}},
		{"client", "hello, nothing said", &millpond.Hello{}},
		{"client", "subscribe from a position", &millpond.Subscribe{ID: 1, Stream: stream, After: &after, Incarnation: incarnation,
			Hash: &hash, Types: []string{"chat/message", "tick"}, Key: "main", Credit: 1 << 20}},
		{"client", "subscribe from the start", &millpond.Subscribe{ID: 2, Stream: stream, After: &start, Credit: 1}},
		{"client", "subscribe to what is new", &millpond.Subscribe{ID: 1<<32 - 1, Stream: millpond.Name{Namespace: "default", Path: "/"}}},
		{"client", "unsubscribe", &millpond.Unsubscribe{ID: 1}},
		{"client", "credit", &millpond.Credit{ID: 1, Bytes: 65536}},
		{"client", "append", &millpond.Append{ID: 9, Stream: stream, Events: json.RawMessage(`[{"type":"tick","payload": 1.0 }]`)}},
		{"server", "welcome", &millpond.Welcome{Server: "millpond/0.1", Session: "s-1", Identity: "ada", Limits: millpond.Limits{
			MessageBytes: millpond.MaxMessageBytes, FrameBytes: millpond.MaxFrameBytes, EventBytes: millpond.MaxEventBytes,
			BatchEvents: millpond.MaxBatchEvents, Subscriptions: millpond.MaxSubscriptions, CreditBytes: millpond.MaxCreditBytes}}},
		{"server", "resume", &millpond.Resume{ID: 1, Incarnation: incarnation, After: 7, Hash: hash, MaxOffset: 9}},
		{"server", "rebuild", &millpond.Rebuild{ID: 1, Reason: millpond.Diverged, Incarnation: incarnation, MaxOffset: 9}},
		{"server", "unsubscribed", &millpond.Unsubscribed{ID: 1, Reason: millpond.EndReset}},
		{"server", "appended", &millpond.Appended{ID: 9, Events: events}},
		{"server", "batch, in millpond.v1.json only", &millpond.BatchMessage{ID: 1, Live: true, LastOffset: 5, MaxOffset: 5, Hash: hash, Events: events}},
		{"server", "batch of none", &millpond.BatchMessage{ID: 1, LastOffset: 5, MaxOffset: 6, Hash: hash}},
		{"server", "batch of an event that came in parts", &millpond.BatchMessage{ID: 1, LastOffset: 5, MaxOffset: 6, Hash: hash, Assembled: true}},
		{"server", "part, in millpond.v1.json only", &millpond.PartMessage{ID: 1, Offset: 5, Text: `{"offset":5,"type":"large","payload":"`}},
		{"server", "goaway", &millpond.Goaway{Reason: "the server is restarting", RetryAfterMs: 1500}},
		{"server", "error of a subscription", &millpond.ErrorMessage{Subscription: 1, Code: millpond.InvalidName, Message: "must start with \"/\"", Field: "path"}},
		{"server", "error of an append", &millpond.ErrorMessage{Request: 9, Code: millpond.StreamPaused, Message: "stream paused: maintenance"}},
		{"server", "error of the connection", &millpond.ErrorMessage{Code: millpond.Unauthenticated, Message: "the token has expired"}},
		{"both", "ping", &millpond.Ping{Nonce: 1<<53 - 1}},
		{"both", "pong", &millpond.Pong{Nonce: 1<<53 - 1}},
	}
}

func TestMessage(t *testing.T) {
	kinds := map[string]bool{}
	for _, test := range messages() {
		text := millpond.MarshalMessage(test.message)
		got, err := millpond.UnmarshalMessage(text)
		if err != nil || !reflect.DeepEqual(got, test.message) {
			t.Errorf("%s: %s\nread as %+v, %v\nwant    %+v", test.name, text, got, err, test.message)
		}
		value := reflect.ValueOf(test.message).Elem().Interface().(millpond.Message)
		if again := millpond.MarshalMessage(value); string(again) != string(text) {
			t.Errorf("%s: without the pointer %s\nwith it %s", test.name, again, text)
		}
		kinds[reflect.TypeOf(value).Name()] = true
	}
	if len(kinds) != 16 {
		t.Errorf("%d kinds of message are tried, there are 16", len(kinds))
	}
}

// Newer peers may add fields, in any place.
func TestMessageUnknownFields(t *testing.T) {
	for text, want := range map[string]millpond.Message{
		`{"future":{"deep":[1]},"type":"ping","nonce":3}`: &millpond.Ping{Nonce: 3},
		` { "nonce" : 3 , "type" : "pong" } `:             &millpond.Pong{Nonce: 3},
		`{"type":"ping","Nonce":3,"NONCE":4}`:             &millpond.Ping{},
		`{"type":"subscribe","id":1,"credit":0,"stream":{"path":"/","Path":"/x","namespace":"n","x":1}}`: &millpond.Subscribe{
			ID: 1, Stream: millpond.Name{Namespace: "n", Path: "/"}},
		`{"type":"subscribe","id":1,"after":null,"hash":null,"types":["*"]}`: &millpond.Subscribe{ID: 1, Types: []string{"*"}},
	} {
		got, err := millpond.UnmarshalMessage([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read as %+v, %v", text, got, err)
		}
	}
}

var invalidMessages = []struct{ why, text, field string }{
	{"empty", ``, ""},
	{"not an object", `[]`, ""},
	{"cut off", `{"type":"ping"`, ""},
	{"text after it", `{"type":"ping","nonce":1} {}`, ""},
	{"no type", `{"nonce":1}`, "type"},
	{"type a number", `{"type":1}`, "type"},
	{"unknown type", `{"type":"shout"}`, "type"},
	{"case matters", `{"type":"Ping"}`, "type"},
	{"repeated type", `{"type":"ping","type":"pong"}`, "type"},
	{"repeated field", `{"type":"ping","nonce":1,"nonce":2}`, "nonce"},
	{"negative number", `{"type":"unsubscribe","id":-1}`, "id"},
	{"number over 32 bits", `{"type":"unsubscribe","id":4294967296}`, "id"},
	{"number with a fraction", `{"type":"credit","id":1,"bytes":1.5}`, "bytes"},
	{"number with an exponent", `{"type":"ping","nonce":1e3}`, "nonce"},
	{"number as text", `{"type":"credit","id":1,"bytes":"1"}`, "bytes"},
	{"hash of the wrong length", `{"type":"subscribe","id":1,"hash":"abc"}`, "hash"},
	{"stream as text", `{"type":"subscribe","id":1,"stream":"/chat"}`, "stream"},
	{"path a number", `{"type":"subscribe","id":1,"stream":{"namespace":"n","path":1}}`, "stream.path"},
	{"repeated path", `{"type":"subscribe","id":1,"stream":{"path":"/a","path":"/b"}}`, "stream.path"},
	{"types as text", `{"type":"subscribe","id":1,"types":"*"}`, "types"},
	{"types of numbers", `{"type":"subscribe","id":1,"types":["a",2]}`, "types[1]"},
	{"too many types", `{"type":"subscribe","id":1,"types":["a"` + strings.Repeat(`,"a"`, millpond.MaxEventTypes) + `]}`, "types"},
	{"bad event", `{"type":"appended","id":1,"events":[{"offset":1}]}`, "events[0].createdAt"},
}

func TestMessageRefused(t *testing.T) {
	for _, test := range invalidMessages {
		m, err := millpond.UnmarshalMessage([]byte(test.text))
		if err == nil {
			t.Errorf("%s: read as %+v", test.why, m)
			continue
		}
		if got, want := refusalOf(t, err), (refusal{millpond.InvalidRequest, test.field}); got != want {
			t.Errorf("%s: error %+v, want %+v (%v)", test.why, got, want, err)
		}
	}
	for name, text := range map[string]string{
		"many fields":  `{"type":"ping"` + manyFields(1000) + `}`,
		"long kind":    `{"type":"` + strings.Repeat("x", 1<<20) + `"}`,
		"long number":  `{"type":"ping","nonce":` + strings.Repeat("1", 1<<20) + `}`,
		"long field":   `{"type":"appended","events":[{"` + strings.Repeat("x", 1<<20) + `":1}]}`,
		"deep nesting": `{"type":"ping","x":` + nested(20000) + `}`,
	} {
		if m, err := millpond.UnmarshalMessage([]byte(text)); err == nil {
			t.Errorf("%s: read as %+v", name, m)
		} else {
			refusalOf(t, err) // its message is short
		}
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"f%d":%d`, i, i)
	}
	return b.String()
}

func TestGoldenMessages(t *testing.T) {
	type valid struct {
		From string `json:"from"`
		Name string `json:"name"`
		Text string `json:"text"`
	}
	type invalid struct {
		Why  string `json:"why"`
		Text string `json:"text"`
		refusal
	}
	var good []valid
	for _, test := range messages() {
		good = append(good, valid{test.from, test.name, string(millpond.MarshalMessage(test.message))})
	}
	var bad []invalid
	for _, test := range invalidMessages {
		_, err := millpond.UnmarshalMessage([]byte(test.text))
		bad = append(bad, invalid{test.why, test.text, refusalOf(t, err)})
	}
	golden(t, "messages.json", map[string]any{
		"about":   "Control messages, as who sends them writes them; and texts that are refused, with the code and the field.",
		"valid":   good,
		"invalid": bad,
	})
}
