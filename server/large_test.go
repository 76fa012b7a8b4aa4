package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// largePayload is a payload of exactly so many bytes, with line ends and characters of several bytes.
func largePayload(size int) string {
	var text strings.Builder
	text.WriteByte('[')
	for i := 0; text.Len() < size-64; i++ {
		fmt.Fprintf(&text, "\"%s%07d\",\n", strings.Repeat("ü", i%3), i)
	}
	return text.String() + `"` + strings.Repeat("x", size-text.Len()-3) + `"]`
}

func largeBody(payload string) string {
	return `{"type":"large","idempotencyKey":"k","metadata":{"m":1},"source":{"processor":{"slug":"s","version":"1"}},"payload":` + payload + `}`
}

// S6: an event of 8 MiB round-trips byte for byte, over HTTP, as server-sent event, and in both subprotocols of the websocket.
func TestLargeEvent(t *testing.T) {
	ts := start(t, Options{})
	payload := largePayload(millpond.DefaultEventBytes - len(`{"m":1}`))
	if len(payload) != millpond.DefaultEventBytes-len(`{"m":1}`) || !json.Valid([]byte(payload)) {
		t.Fatalf("the test's payload has %d bytes", len(payload))
	}
	ts.append(t, "/x", `{"type":"before"}`)
	want := ts.append(t, "/x", largeBody(payload))[0]
	ts.append(t, "/x", `{"type":"after"}`)
	if string(want.Payload) != payload || want.Offset != 4 {
		t.Fatalf("answered with %d bytes at offset %d", len(want.Payload), want.Offset)
	}
	text := string(want.AppendJSON(nil))
	t.Run("by offset", func(t *testing.T) {
		res := ts.do(t, "GET", "/api/streams/default/x?offset=4", "")
		if res.body != text+"\n" || res.Header.Get("ETag") == "" {
			t.Errorf("%s, %d bytes, want %d", res.Status, len(res.body), len(text)+1)
		}
		if res := ts.do(t, "GET", "/api/streams/default/x?offset=4", "", "If-None-Match: "+res.Header.Get("ETag")); res.StatusCode != http.StatusNotModified {
			t.Errorf("with the ETag: %s", res.Status)
		}
	})
	t.Run("by key", func(t *testing.T) {
		if res := ts.do(t, "GET", "/api/streams/default/x?key=k", ""); res.body != text+"\n" {
			t.Errorf("%s, %d bytes, want %d", res.Status, len(res.body), len(text)+1)
		}
	})
	t.Run("in a range", func(t *testing.T) {
		events := ts.read(t, "/x")
		if len(events) != 5 || string(events[3].AppendJSON(nil)) != text || events[4].Type != "after" {
			t.Errorf("%d events", len(events))
		}
	})
	t.Run("by type", func(t *testing.T) {
		if events := ts.read(t, "/x?types=large,after"); len(events) != 2 || string(events[0].AppendJSON(nil)) != text {
			t.Errorf("%d events", len(events))
		}
		if events := ts.read(t, "/x?types=after"); len(events) != 1 || events[0].Offset != 5 {
			t.Errorf("%d events", len(events))
		}
	})
	t.Run("a repeat", func(t *testing.T) {
		if got := ts.append(t, "/x", `{"type":"other","idempotencyKey":"k"}`)[0]; string(got.AppendJSON(nil)) != text {
			t.Errorf("a repeat is answered with %d bytes", len(got.Payload))
		}
	})
	t.Run("server-sent", func(t *testing.T) {
		s := ts.follow(t, "&after=0")
		event := func() sent {
			for {
				got, err := s.next()
				if err != nil {
					t.Fatal(err)
				}
				if got.kind == "" { // not resume
					return got
				}
			}
		}
		for range 3 {
			event()
		}
		if got := event(); got.data != strings.ReplaceAll(text, "\r", "\n") || !strings.HasPrefix(got.id, "4/") {
			t.Errorf("id %q, %d bytes, want %d", got.id, len(got.data), len(text))
		}
		if got := event(); !strings.HasPrefix(got.id, "5/") {
			t.Errorf("after it comes %q", got.id)
		}
	})
	t.Run(millpond.Subprotocol, func(t *testing.T) {
		record := millpond.AppendRecord(nil, &want)
		p := ts.connect(t, millpond.Subprotocol)
		p.send(&millpond.Subscribe{ID: 1, Stream: millpond.Name{Namespace: "default", Path: "/x"}, After: new(uint64), Credit: 1 << 20})
		receive[*millpond.Resume](p)
		first := receive[*millpond.Batch](p)
		var whole millpond.Assembly
		for whole.Held() < len(record) {
			part := receive[*millpond.Part](p)
			if len(part.Bytes) > targetFrameBytes || part.RecordBytes != len(record) {
				t.Fatalf("a part of %d bytes of %d", len(part.Bytes), part.RecordBytes)
			}
			if err := whole.Add(part); err != nil {
				t.Fatal(err)
			}
			p.send(&millpond.Credit{ID: 1, Bytes: int64(len(part.Bytes))})
		}
		batch := receive[*millpond.Batch](p)
		framed, err := whole.Take(4)
		if err != nil || !bytes.Equal(framed, millpond.AppendFramedRecord(nil, record)) || !batch.Assembled || batch.LastOffset != 4 ||
			batch.Hash != first.Hash.Next(record) {
			t.Errorf("%v, %+v", err, batch)
		}
		if last := receive[*millpond.Batch](p); !last.Live || last.LastOffset != 5 {
			t.Errorf("after it comes %+v", last)
		}
	})
	t.Run(millpond.SubprotocolJSON, func(t *testing.T) {
		p := ts.connect(t, millpond.SubprotocolJSON)
		p.send(&millpond.Subscribe{ID: 1, Stream: millpond.Name{Namespace: "default", Path: "/x"}, After: new(uint64), Credit: 64 << 20})
		receive[*millpond.Resume](p)
		receive[*millpond.BatchMessage](p)
		var got strings.Builder
		for {
			m := p.next()
			if batch, ok := m.(*millpond.BatchMessage); ok {
				if !batch.Assembled || batch.LastOffset != 4 || len(batch.Events) != 0 {
					t.Errorf("%+v", batch)
				}
				break
			}
			part, ok := m.(*millpond.PartMessage)
			if !ok || part.Offset != 4 || part.ID != 1 {
				t.Fatalf("%T %+v", m, m)
			}
			got.WriteString(part.Text)
		}
		if got.String() != text {
			t.Errorf("%d bytes of text, want %d", got.Len(), len(text))
		}
		if last := receive[*millpond.BatchMessage](p); !last.Live || last.Events[0].Type != "after" {
			t.Errorf("after it comes %+v", last)
		}
	})
}

// S6: over the configured maximum an event is refused, with its size and the limit; the limit is what welcome says.
func TestEventLimit(t *testing.T) {
	for _, limit := range []int{1 << 20, 10 << 20} {
		ts := start(t, Options{MaxEventBytes: limit})
		ts.append(t, "/x", `{"type":"a","payload":`+largePayload(limit)+`}`)
		for body, say := range map[string]string{
			`{"type":"a","payload":` + largePayload(limit+1) + `}`:                 fmt.Sprintf("%d bytes are over the limit of %d bytes", limit+1, limit),
			`{"type":"a","metadata":{},"payload":` + largePayload(limit-1) + `}`:   fmt.Sprintf("%d bytes are over the limit of %d bytes", limit+1, limit),
			`{"type":"a","payload":` + largePayload(limit+appendHeadBytes+1) + `}`: "are over the limit of",
			`[{"type":"a"},{"type":"a","payload":` + largePayload(limit+1) + `}]`:  fmt.Sprintf("%d bytes are over the limit of %d bytes", limit+1, limit),
		} {
			p := ts.do(t, "POST", "/api/streams/default/x", body).problem(t)
			if p.Code != millpond.EventTooLarge || !strings.Contains(p.Detail, say) {
				t.Errorf("%d bytes at a limit of %d: %+v", len(body), limit, p)
			}
		}
		if got := len(ts.read(t, "/x?types=a")); got != 1 {
			t.Errorf("%d events were committed, want 1", got)
		}
		ws, _, err := ts.dial(t, millpond.Subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		if got := ws.hello().Limits.EventBytes; got != limit {
			t.Errorf("welcome says %d, want %d", got, limit)
		}
	}
	if _, err := New(Options{Data: t.TempDir(), MaxEventBytes: millpond.MaxEventBytes + 1}); err == nil {
		t.Error("a limit over that of the protocol is taken")
	}
}

// S6: an answer over the websocket that would repeat a large event is an error that says where it is, not a message without bounds.
func TestLargeRepeatOverWebsocket(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", largeBody(largePayload(6<<20)))
	p := ts.connect(t, millpond.Subprotocol)
	p.send(&millpond.Append{ID: 1, Stream: millpond.Name{Namespace: "default", Path: "/x"}, Events: json.RawMessage(`[{"type":"a","idempotencyKey":"k"}]`)})
	if e := receive[*millpond.ErrorMessage](p); e.Code != millpond.EventTooLarge || e.Request != 1 || !strings.Contains(e.Message, "HTTP") {
		t.Errorf("%+v", e)
	}
}

// S6: what large bodies hold together is bounded: who comes when there is no room is told to try again, while small ones go on; and
// all of it is given back.
func TestBodiesShareABudget(t *testing.T) {
	ts := start(t, Options{})
	body := largeBody(largePayload(1 << 20))
	ts.server.bodies.used.Store(maxBodiesBytes)
	if p := ts.do(t, "POST", "/api/streams/default/x", body).problem(t); p.Code != millpond.Unavailable {
		t.Errorf("without room: %+v", p)
	}
	ts.append(t, "/x", `{"type":"small"}`)
	ts.server.bodies.used.Store(0)
	ts.append(t, "/x", body)
	ts.do(t, "POST", "/api/streams/default/x", body[:len(body)-1])
	ts.do(t, "POST", "/api/reduce/default/x", body)
	if got := ts.server.bodies.used.Load(); got != 0 {
		t.Errorf("%d bytes are not given back", got)
	}
}

// S6: memory is flat: many who read and follow events of 8 MiB at the same time, slowly, do not hold an event each.
func TestLargeEventsMemory(t *testing.T) {
	const readers, followers = 24, 24
	ts := start(t, Options{})
	for range 3 {
		ts.append(t, "/x", `{"type":"large","payload":`+largePayload(8<<20)+`}`)
	}
	runtime.GC()
	var base runtime.MemStats
	runtime.ReadMemStats(&base)
	var peak atomic.Uint64
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
			runtime.GC() // what is garbage is not held
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak.Store(max(peak.Load(), now.HeapAlloc))
		}
	})
	var wg sync.WaitGroup
	for i := range readers + followers {
		wg.Go(func() {
			url := ts.URL + "/api/streams/default/x?after=2"
			if i >= readers {
				url += "&live=sse"
			}
			req, err := http.NewRequest("GET", url, nil)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Accept-Encoding", "identity")
			res, err := ts.Client().Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if n, err := io.CopyN(io.Discard, res.Body, 3*8<<20); err != nil {
				t.Errorf("%s: %d bytes, %v", url, n, err)
			}
		})
	}
	wg.Wait()
	close(done)
	watching.Wait()
	// Each holds a part and its text, twice while buffers grow: a fraction of the event.
	held := int64(peak.Load()) - int64(base.HeapAlloc)
	if limit := int64((readers + followers) * (8 << 20) / 4); held > limit {
		t.Errorf("%d bytes were held for %d readers of events of 8 MiB, at most %d are allowed", held, readers+followers, limit)
	} else {
		t.Logf("%d KiB were held for each of %d readers", held/1024/(readers+followers), readers+followers)
	}
}
