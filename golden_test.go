package millpond_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// The golden vectors in testdata are made of the examples in the tests, by `go test -run Golden -update .`. Any other
// implementation can be tested with them: web/client is. Numbers that a JavaScript number cannot hold are strings.
var update = flag.Bool("update", false, "write the golden vectors in testdata")

// golden compares v, as indented JSON, with testdata/file byte for byte; with -update it writes the file.
func golden(t *testing.T, file string, v any) {
	t.Helper()
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got.Bytes(), want) {
		return
	}
	g, w := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Fatalf("%s:%d\ngot  %s\nwant %s\nThe formats are frozen: with -update only when the change is meant.", path, i+1, g[i], w[i])
		}
	}
	t.Fatalf("%s: got %d lines, want %d", path, len(g), len(w))
}

// refusal is how a vector names an error.
type refusal struct {
	Code  millpond.ErrorCode `json:"code"`
	Field string             `json:"field"`
}

func refusalOf(t *testing.T, err error) refusal {
	t.Helper()
	var e *millpond.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T), want a *millpond.Error", err, err)
	}
	if e.Message == "" || len(e.Error()) > 1000 {
		t.Errorf("message of %d bytes: %.200q", len(e.Message), e.Message)
	}
	return refusal{e.Code, e.Field}
}

// eventVector is an event as the vectors show it: payload and metadata are text, because their bytes matter.
type eventVector struct {
	Offset         string                `json:"offset"`
	CreatedAt      string                `json:"createdAt"`
	CreatedAtNanos string                `json:"createdAtNanos"`
	Type           string                `json:"type"`
	IdempotencyKey *string               `json:"idempotencyKey"`
	Payload        *string               `json:"payload"`
	Metadata       *string               `json:"metadata"`
	Source         *millpond.ProcessorID `json:"source"`
}

func vectorOf(e *millpond.Event) eventVector {
	v := eventVector{
		Offset:         strconv.FormatUint(e.Offset, 10),
		CreatedAt:      e.CreatedAt.UTC().Format(millpond.TimeFormat),
		CreatedAtNanos: strconv.FormatInt(e.CreatedAt.UnixNano(), 10),
		Type:           e.Type,
		Payload:        textOf(e.Payload),
		Metadata:       textOf(e.Metadata),
	}
	if e.IdempotencyKey != "" {
		v.IdempotencyKey = &e.IdempotencyKey
	}
	if e.Source != nil {
		v.Source = &e.Source.Processor
	}
	return v
}

func textOf(raw json.RawMessage) *string {
	if raw == nil {
		return nil
	}
	s := string(raw)
	return &s
}

type example struct {
	name  string
	event millpond.Event
}

// examples are events that between them have every field, and every field at its edges.
func examples() []example {
	day := time.Date(2025, 3, 1, 12, 0, 0, 123456789, time.UTC)
	source := &millpond.Source{Processor: millpond.ProcessorID{Slug: "circuit-breaker", Version: "1.4.0"}}
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	return []example{
		{"stream/created", millpond.Event{Offset: 1, CreatedAt: day, Type: millpond.TypeCreated,
			Payload: raw(`{"namespace":"default","path":"/chat/42","id":"b7c1d0e2f3a44b5c"}`)}},
		{"stream/woken", millpond.Event{Offset: 2, CreatedAt: day, Type: millpond.TypeWoken,
			Payload: raw(`{"incarnationId":"0f1e2d3c4b5a6978"}`)}},
		{"only a type", millpond.Event{Offset: 3, CreatedAt: day.Add(time.Nanosecond), Type: "tick"}},
		{"every field", millpond.Event{Offset: 4, CreatedAt: day.Add(time.Hour), Type: "chat/message", IdempotencyKey: "m-1",
			Payload:  raw(`{"text":"Grüße, 世界 🌊","likes":3}`),
			Metadata: raw(`{"trace":"4bf92f3577b34da6"}`), Source: source}},
		{"white space, number spelling and key order are kept", millpond.Event{Offset: 5, CreatedAt: day, Type: "verbatim",
			Payload: raw("{\"b\" : 1.50e+3,\n\t\"a\":9007199254740993, \"a\": []}"), Metadata: raw(`{ }`)}},
		{"payload null is not no payload", millpond.Event{Offset: 6, CreatedAt: day, Type: "null", Payload: raw(`null`)}},
		{"escapes", millpond.Event{Offset: 7, CreatedAt: day, Type: `quote " backslash \ <b>&amp;</b>`, IdempotencyKey: "k\u2028",
			Payload: raw(`"\u0000\ud83c\udf0a\"\\</script>\ud800"`)}},
		{"longest type and key, lengths of two bytes", millpond.Event{Offset: 128, CreatedAt: day,
			Type:           strings.Repeat("t", millpond.MaxTypeBytes),
			IdempotencyKey: strings.Repeat("ü", millpond.MaxIdempotencyKeyBytes/2)}},
		{"longest source", millpond.Event{Offset: 129, CreatedAt: day, Type: "s", Source: &millpond.Source{
			Processor: millpond.ProcessorID{Slug: strings.Repeat("s", millpond.MaxSlugBytes), Version: strings.Repeat("v", millpond.MaxVersionBytes)}}}},
		{"before 1970", millpond.Event{Offset: 130, CreatedAt: time.Unix(0, -1).UTC(), Type: "old", Payload: raw(`-0`)}},
		{"earliest time", millpond.Event{Offset: 131, CreatedAt: time.Unix(0, -1<<63).UTC(), Type: "old", Payload: raw(`""`)}},
		{"largest offset, latest time", millpond.Event{Offset: 1<<64 - 1, CreatedAt: time.Unix(0, 1<<63-1).UTC(), Type: "new",
			Payload: raw(`[]`)}},
	}
}
