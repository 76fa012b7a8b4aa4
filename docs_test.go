package millpond_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

const protocolDoc = "docs/protocol.md"

// The session in the specification is made here, and kept there by -update.
func TestGoldenSession(t *testing.T) {
	doc := readDoc(t)
	lines, frame := session()
	want := splice(t, splice(t, doc, "session", lines...), "frame", frame)
	if *update {
		if err := os.WriteFile(protocolDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if doc != want {
		t.Errorf("the session in %s is not what package millpond writes: run go test -run Golden -update .", protocolDoc)
	}
}

// splice puts the lines, as a block of code, between the comments that are named by mark.
func splice(t *testing.T, doc, mark string, lines ...string) string {
	t.Helper()
	before, rest, ok := strings.Cut(doc, "<!-- "+mark+" -->\n")
	_, after, ok2 := strings.Cut(rest, "<!-- end of "+mark+" -->\n")
	if !ok || !ok2 {
		t.Fatalf("%s has lost its marks of the %s", protocolDoc, mark)
	}
	return before + "<!-- " + mark + " -->\n\n    " + strings.Join(lines, "\n    ") + "\n\n<!-- end of " + mark + " -->\n" + after
}

// session is a session of a client that comes back, and the frame of its last batch.
func session() (lines []string, frame string) {
	at := func(seconds int) time.Time { return time.Date(2025, 3, 1, 12, 0, seconds, 0, time.UTC) }
	events := []millpond.Event{
		{Offset: 1, CreatedAt: at(0), Type: millpond.TypeCreated, Payload: json.RawMessage(`{"namespace":"default","path":"/chat/42","id":"b7c1d0e2"}`)},
		{Offset: 2, CreatedAt: at(0), Type: millpond.TypeWoken, Payload: json.RawMessage(`{"incarnationId":"0f1e2d3c"}`)},
		{Offset: 3, CreatedAt: at(5), Type: "chat/message", IdempotencyKey: "m-1", Payload: json.RawMessage(`{"text":"hi"}`)},
		{Offset: 4, CreatedAt: at(9), Type: "chat/message", IdempotencyKey: "m-2", Payload: json.RawMessage(`{"text":"ho"}`)},
	}
	records := make([][]byte, len(events))
	hashes := make([]millpond.Hash, len(events)+1)
	for i := range events {
		records[i] = millpond.AppendRecord(nil, &events[i])
		hashes[i+1] = hashes[i].Next(records[i])
	}
	stream := millpond.Name{Namespace: "default", Path: "/chat/42"}
	incarnation := millpond.IncarnationOf(at(0))
	two := uint64(2)
	client := func(m millpond.Message) { lines = append(lines, "→ "+string(millpond.MarshalMessage(m))) }
	server := func(m millpond.Message) { lines = append(lines, "← "+string(millpond.MarshalMessage(m))) }

	client(&millpond.Hello{Client: "example/1.0", Replica: "5a1f"})
	server(&millpond.Welcome{Server: "millpond/0.1", Session: "LDOVJ4XTDJ5L", Limits: millpond.Limits{
		MessageBytes: millpond.MaxMessageBytes, FrameBytes: millpond.MaxFrameBytes, EventBytes: millpond.MaxEventBytes,
		BatchEvents: millpond.MaxBatchEvents, Subscriptions: millpond.MaxSubscriptions, CreditBytes: millpond.MaxCreditBytes}})
	client(&millpond.Subscribe{ID: 1, Stream: stream, After: &two, Credit: 65536, Incarnation: incarnation, Hash: &hashes[2]})
	server(&millpond.Resume{ID: 1, Incarnation: incarnation, After: 2, Hash: hashes[2], MaxOffset: 3})
	server(&millpond.BatchMessage{ID: 1, Live: true, LastOffset: 3, MaxOffset: 3, Hash: hashes[3], Events: events[2:3]})
	client(&millpond.Append{ID: 1, Stream: stream, Events: json.RawMessage(`[{"type":"chat/message","payload":{"text":"ho"},"idempotencyKey":"m-2"}]`)})
	last := millpond.BatchMessage{ID: 1, Live: true, LastOffset: 4, MaxOffset: 4, Hash: hashes[4], Events: events[3:]}
	server(&last)
	server(&millpond.Appended{ID: 1, Events: events[3:]})
	client(&millpond.Credit{ID: 1, Bytes: 4096})
	client(&millpond.Append{ID: 2, Stream: stream, Events: json.RawMessage(`[{"type":"chat/message","offset":4}]`)})
	server(&millpond.ErrorMessage{Request: 2, Code: millpond.OffsetConflict, Message: "the next offset is 5, not 4", Field: "offset"})
	client(&millpond.Ping{Nonce: 1})
	server(&millpond.Pong{Nonce: 1})
	client(&millpond.Unsubscribe{ID: 1})
	server(&millpond.Unsubscribed{ID: 1, Reason: millpond.EndUnsubscribed})

	batch := millpond.Batch{Subscription: last.ID, Live: true, LastOffset: 4, MaxOffset: 4, Hash: hashes[4],
		Records: millpond.AppendFramedRecord(nil, records[3])}
	return lines, hex.EncodeToString(batch.AppendFrame(nil))
}

// The tables of the specification say what the code does.
func TestProtocolTables(t *testing.T) {
	doc := readDoc(t)
	for _, code := range errorCodes {
		row := fmt.Sprintf("| `%s` | %d | %d | %s |", code, code.HTTPStatus(), code.CloseCode(), code.Action())
		if !strings.Contains(doc, row) {
			t.Errorf("no row %s", row)
		}
	}
	for what, limit := range map[string]int{
		"control message": millpond.MaxMessageBytes,
		"batch frame":     millpond.MaxFrameBytes,
		"payload and metadata of an event, together":          millpond.MaxEventBytes,
		"events of an append":                                 millpond.MaxBatchEvents,
		"subscriptions of a connection":                       millpond.MaxSubscriptions,
		"credit of a subscription at a time":                  millpond.MaxCreditBytes,
		"text of an append's events":                          millpond.MaxBatchBytes,
		"record that is sent whole, and part of a larger one": millpond.MaxPartBytes,
		"text of an append over HTTP":                         millpond.MaxAppendBytes,
		"metadata of an event":                                millpond.MaxMetadataBytes,
		"nesting of JSON":                                     millpond.MaxJSONDepth,
		"types of a subscription":                             millpond.MaxEventTypes,
		"segments of a path":                                  millpond.MaxPathSegments,
		"reason of `stream/paused`":                           millpond.MaxPauseReasonBytes,
		"payload of a `stream/…` type that a client appends":  millpond.MaxCorePayloadBytes,
	} {
		if row := fmt.Sprintf("| %s | %d", what, limit); !strings.Contains(doc, row) {
			t.Errorf("no row %s", row)
		}
	}
	for _, test := range messages() {
		kind := regexp.MustCompile(`"type":"(\w+)"`).FindStringSubmatch(string(millpond.MarshalMessage(test.message)))[1]
		if row := regexp.MustCompile("(?m)^\\| " + test.from + " \\| .*`" + kind + "`"); !row.MatchString(doc) {
			t.Errorf("no row of the message %s of the %s", kind, test.from)
		}
	}
}

func readDoc(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile(protocolDoc)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// Each proof that the guarantees name is a test of the package that they name it in.
func TestGuaranteesAreProven(t *testing.T) {
	doc, err := os.ReadFile("docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	proofs := regexp.MustCompile("`([a-z0-9./]+)` (Test\\w+(?:, Test\\w+)*)").FindAllStringSubmatch(string(doc), -1)
	if len(proofs) < 10 {
		t.Fatalf("only %d proofs found", len(proofs))
	}
	for _, proof := range proofs {
		var sources strings.Builder
		files, _ := filepath.Glob(filepath.Join(filepath.FromSlash(proof[1]), "*_test.go"))
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(source)
		}
		for name := range strings.SplitSeq(proof[2], ", ") {
			if !strings.Contains(sources.String(), "\nfunc "+name+"(") {
				t.Errorf("package %s has no %s", proof[1], name)
			}
		}
	}
}

// The links between the documents lead somewhere.
func TestDocLinks(t *testing.T) {
	var docs []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, files...)
	}
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), link[1])); err != nil {
				t.Errorf("%s: %v", doc, err)
			}
		}
	}
}
