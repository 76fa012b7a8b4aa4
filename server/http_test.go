package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// S1: the first append creates and wakes the stream; offsets are consecutive; the answer is aligned with the input.
func TestAppend(t *testing.T) {
	ts := start(t, Options{})
	res := ts.do(t, "POST", "/api/streams/default/chat/42", `{"type":"a","payload":{"x":1}}`)
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s %s: %s", res.Status, res.Header.Get("Content-Type"), res.body)
	}
	if strings.HasPrefix(res.body, "[") {
		t.Errorf("one event in, an array out: %s", res.body)
	}
	if e := res.events(t)[0]; e.Offset != 3 || e.Type != "a" || string(e.Payload) != `{"x":1}` {
		t.Errorf("event %+v", e)
	}
	batch := ts.append(t, "/chat/42", `[{"type":"b"},{"type":"c"},{"type":"b"}]`)
	if got := offsets(batch); !slices.Equal(got, []uint64{4, 5, 6}) || batch[1].Type != "c" {
		t.Errorf("batch %+v", batch)
	}
	all := ts.read(t, "/chat/42")
	var types []string
	for _, e := range all {
		types = append(types, e.Type)
	}
	if want := []string{"stream/created", "stream/woken", "a", "b", "c", "b"}; !slices.Equal(types, want) {
		t.Errorf("types %v, want %v", types, want)
	}
	var created millpond.CreatedPayload
	if err := json.Unmarshal(all[0].Payload, &created); err != nil || created.Namespace != "default" || created.Path != "/chat/42" {
		t.Errorf("created %s", all[0].Payload)
	}
}

// S1: a batch is atomic: one bad event, and nothing is committed.
func TestAppendAtomic(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `{"type":"a"}`)
	for _, body := range []string{
		`[{"type":"b"},{"type":""}]`,
		`[{"type":"b"},{"type":"c","offset":9}]`,
		`[{"type":"b"},{"type":"c"}`,
	} {
		if res := ts.do(t, "POST", "/api/streams/default/x", body); res.StatusCode < 400 {
			t.Errorf("%s: %s", body, res.Status)
		}
	}
	if got := offsets(ts.read(t, "/x")); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("offsets %v", got)
	}
}

// S1: the root stream has the empty path, with or without the slash.
func TestRootStream(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "", `{"type":"a"}`)
	ts.append(t, "/", `{"type":"b"}`)
	events := ts.read(t, "")
	if len(events) != 4 || !strings.Contains(string(events[0].Payload), `"path":"/"`) {
		t.Errorf("events %+v", events)
	}
}

// S1: appends of many clients at once get every offset once.
func TestAppendConcurrently(t *testing.T) {
	ts := start(t, Options{})
	var mu sync.Mutex
	var got []uint64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				events := ts.append(t, "/x", `[{"type":"a"},{"type":"b"}]`)
				if events[1].Offset != events[0].Offset+1 {
					t.Errorf("batch at offsets %v", offsets(events))
				}
				mu.Lock()
				got = append(got, offsets(events)...)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	for i, offset := range got {
		if offset != uint64(i)+3 {
			t.Fatalf("offset %d at index %d", offset, i)
		}
	}
}

// S2: a repeated key answers with the original event, also within a batch, and after a restart.
func TestIdempotencyKey(t *testing.T) {
	dir := t.TempDir()
	ts := start(t, Options{Data: dir})
	first := ts.append(t, "/x", `{"type":"a","payload":1,"idempotencyKey":"k"}`)[0]
	again := ts.append(t, "/x", `[{"type":"b","payload":2,"idempotencyKey":"k"},{"type":"c","idempotencyKey":"l"},{"type":"d","idempotencyKey":"l"}]`)
	if again[0].Offset != first.Offset || string(again[0].Payload) != "1" || again[0].Type != "a" {
		t.Errorf("repeat %+v", again[0])
	}
	if again[1].Offset != 4 || again[2].Offset != 4 || again[2].Type != "c" {
		t.Errorf("repeat in a batch %+v", again[1:])
	}
	ts.close(t)
	ts = start(t, Options{Data: dir})
	if e := ts.append(t, "/x", `{"type":"z","idempotencyKey":"k"}`)[0]; e.Offset != first.Offset {
		t.Errorf("repeat after a restart %+v", e)
	}
}

// S3: an offset is a precondition, also for a repeat.
func TestOffsetPrecondition(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `{"type":"a","offset":3,"idempotencyKey":"k"}`)
	ts.append(t, "/x", `{"type":"a","offset":3,"idempotencyKey":"k"}`)
	for _, body := range []string{
		`{"type":"a","offset":3}`,
		`{"type":"a","offset":5}`,
		`{"type":"a","offset":4,"idempotencyKey":"k"}`,
	} {
		p := ts.do(t, "POST", "/api/streams/default/x", body).problem(t)
		if p.Code != millpond.OffsetConflict {
			t.Errorf("%s: %+v", body, p)
		}
	}
	if n := len(ts.read(t, "/x")); n != 3 {
		t.Errorf("%d events", n)
	}
}

// S4: source and metadata come back as they were sent, the payload byte for byte.
func TestRoundTrip(t *testing.T) {
	ts := start(t, Options{})
	const fields = `"payload":{"z":1.0,"a":[ 1,2 ],"é":"\u00e9"},"metadata":{"trace":"t"},"source":{"processor":{"slug":"s","version":"1"}},"idempotencyKey":"k"`
	appended := ts.do(t, "POST", "/api/streams/default/x", `{"type":"a",`+fields+`}`)
	read := ts.do(t, "GET", "/api/streams/default/x?offset=3", "")
	for _, res := range []response{appended, read} {
		if !strings.Contains(res.body, fields) {
			t.Errorf("%s", res.body)
		}
	}
}

// S7: by offset, by key, and in pages.
func TestRead(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `[{"type":"a"},{"type":"b","idempotencyKey":"k&1"},{"type":"a"},{"type":"c"}]`)
	for query, want := range map[string][]uint64{
		"":                      {1, 2, 3, 4, 5, 6},
		"?after=0":              {1, 2, 3, 4, 5, 6},
		"?after=4":              {5, 6},
		"?after=6":              nil,
		"?after=900":            nil,
		"?before=3":             {1, 2},
		"?after=2&before=5":     {3, 4},
		"?after=2&limit=2":      {3, 4},
		"?types=a":              {3, 5},
		"?types=a,c&after=3":    {5, 6},
		"?types=a,c&limit=2":    {3, 5},
		"?types=*":              {1, 2, 3, 4, 5, 6},
		"?types=none":           nil,
		"?offset=4":             {4},
		"?key=k%261":            {4},
		"?limit=1000":           {1, 2, 3, 4, 5, 6},
		"?after=5&before=6":     nil,
		"?types=stream%2Fwoken": {2},
	} {
		res := ts.do(t, "GET", "/api/streams/default/x"+query, "")
		if res.StatusCode != 200 {
			t.Errorf("%s: %s %s", query, res.Status, res.body)
		} else if got := offsets(res.events(t)); !slices.Equal(got, want) {
			t.Errorf("%s: offsets %v, want %v", query, got, want)
		} else if got := res.Header.Get("Cache-Control"); got != "private, no-cache" {
			t.Errorf("%s: Cache-Control %q", query, got)
		}
	}
	if res := ts.do(t, "HEAD", "/api/streams/default/x", ""); res.StatusCode != 200 || res.body != "" {
		t.Errorf("HEAD: %s %q", res.Status, res.body)
	}
}

// S7: a read of more than fits in memory at once comes in chunks, as one array.
func TestReadLarge(t *testing.T) {
	ts := start(t, Options{})
	payload := strings.Repeat("x", 100<<10)
	const batches, size = 4, 20
	for range batches {
		event := fmt.Sprintf(`{"type":"a","payload":%q}`, payload)
		ts.append(t, "/x", "["+strings.Repeat(event+",", size-1)+event+"]")
	}
	events := ts.read(t, "/x?after=2&limit=1000")
	if len(events) != batches*size {
		t.Fatalf("%d events", len(events))
	}
	for i, e := range events {
		if e.Offset != uint64(i)+3 || len(e.Payload) != len(payload)+2 {
			t.Fatalf("event %d: offset %d, %d bytes", i, e.Offset, len(e.Payload))
		}
	}
}

func TestState(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `{"type":"a"}`)
	var got struct {
		State   millpond.State
		Runtime struct{ Connections map[string]any }
	}
	res := ts.do(t, "GET", "/api/state/default/x", "")
	if err := json.Unmarshal([]byte(res.body), &got); err != nil {
		t.Fatal(err)
	}
	if s := got.State; s.EventCount != 3 || s.MaxOffset != 3 || s.Path != "/x" || s.CreatedAt == "" || got.Runtime.Connections == nil {
		t.Errorf("%s", res.body)
	}
}

func TestControl(t *testing.T) {
	ts := start(t, Options{})
	first := ts.append(t, "/x", `{"type":"a"}`)
	if res := ts.do(t, "POST", "/api/control/default/x", `{"action":"kill"}`); res.StatusCode != 200 {
		t.Fatalf("kill: %s %s", res.Status, res.body)
	}
	ts.append(t, "/x", `{"type":"b"}`)
	if events := ts.read(t, "/x"); len(events) != 5 || events[3].Type != millpond.TypeWoken {
		t.Errorf("after kill: %+v", events)
	}
	if res := ts.do(t, "POST", "/api/control/default/x", `{"action":"reset"}`); res.StatusCode != 200 {
		t.Fatalf("reset: %s %s", res.Status, res.body)
	}
	events := ts.read(t, "/x")
	if len(events) != 2 || !events[0].CreatedAt.After(first[0].CreatedAt) {
		t.Errorf("after reset: %+v", events)
	}
}

func TestHealth(t *testing.T) {
	ts := start(t, Options{Version: "1.2.3"})
	if res := ts.do(t, "GET", "/healthz", ""); res.StatusCode != 200 || !strings.Contains(res.body, `"1.2.3"`) {
		t.Errorf("%s %s", res.Status, res.body)
	}
}

// Every response says the same about security, also an error.
func TestSecurityHeaders(t *testing.T) {
	ts := start(t, Options{UI: testUI})
	for path, policy := range map[string]string{
		"/":                      uiPolicy,
		"/assets/worker-1a2b.js": uiPolicy,
		"/nowhere.js":            uiPolicy,
		"/api/streams/default/x": apiPolicy,
		"/api/nowhere":           apiPolicy,
		"/api/ws":                apiPolicy,
		"/healthz":               apiPolicy,
	} {
		h := ts.do(t, "GET", path, "").Header
		for name, want := range map[string]string{
			"Content-Security-Policy":      policy,
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
	}
}

func TestPanic(t *testing.T) {
	ts := start(t, Options{})
	ts.server.ui = &ui{pages: map[string]*page{"index.html": nil}} // is not consistent: serving it panics
	ts.Config.Handler = ts.server.Handler()
	res := ts.do(t, "GET", "/", "", "Accept: text/html")
	if p := res.problem(t); p.Code != millpond.Internal || strings.Contains(res.body, "nil pointer") {
		t.Errorf("%s", res.body)
	}
	ts.close(t)
	if !strings.Contains(ts.logged.String(), "nil pointer") || !strings.Contains(ts.logged.String(), "goroutine") {
		t.Errorf("not logged: %s", ts.logged)
	}
}

// S4, S3: bad input gets an error that names what is wrong, and commits nothing.
func TestProblems(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `{"type":"a"}`)
	huge := `{"type":"a","payload":"` + strings.Repeat("x", millpond.DefaultEventBytes) + `"}`
	for _, test := range []struct {
		method, target, body string
		code                 millpond.ErrorCode
		field, detail        string
	}{
		{"POST", "/api/streams/default/x", `{"type":"a","colour":1}`, millpond.InvalidEvent, "colour", "not a field"},
		{"POST", "/api/streams/default/x", `[{"type":"a"},{"payload":1}]`, millpond.InvalidEvent, "[1].type", "required"},
		{"POST", "/api/streams/default/x", `{"type":"stream/created"}`, millpond.InvalidEvent, "type", "belongs to the system"},
		{"POST", "/api/streams/default/x", ``, millpond.InvalidRequest, "", "empty"},
		{"POST", "/api/streams/default/x", `a=b`, millpond.InvalidRequest, "", "JSON"},
		{"POST", "/api/streams/default/x", `[]`, millpond.InvalidRequest, "", "empty"},
		{"POST", "/api/streams/default/x", huge, millpond.EventTooLarge, "payload", "8388610 bytes are over the limit of 8388608"},
		{"POST", "/api/streams/default/x", strings.Repeat(" ", int(ts.server.appendBytes)+1), millpond.EventTooLarge, "", "8454145 bytes are over the limit of 8454144"},
		{"POST", "/api/streams/default/x?after=1", `{"type":"a"}`, millpond.InvalidRequest, "after", "no parameters"},
		{"POST", "/api/streams/default/X", `{"type":"a"}`, millpond.InvalidName, "path", "lowercase"},
		{"POST", "/api/streams/default//x", `{"type":"a"}`, millpond.InvalidName, "path", "empty segment"},
		{"POST", "/api/streams/default/x/", `{"type":"a"}`, millpond.InvalidName, "path", "empty segment"},
		{"POST", "/api/streams/default/a/../x", `{"type":"a"}`, millpond.InvalidName, "path", `".."`},
		{"POST", "/api/streams/default/a%2fx", `{"type":"a"}`, millpond.InvalidName, "path", "percent"},
		{"POST", "/api/streams//x", `{"type":"a"}`, millpond.InvalidName, "namespace", "empty"},
		{"POST", "/api/streams/", `{"type":"a"}`, millpond.InvalidName, "namespace", "empty"},
		{"GET", "/api/streams/default/none", ``, millpond.NotFound, "", "stream"},
		{"GET", "/api/streams/default/x?offset=99", ``, millpond.NotFound, "", "no such event"},
		{"GET", "/api/streams/default/x?key=none", ``, millpond.NotFound, "", "no such event"},
		{"GET", "/api/streams/default/x?since=1", ``, millpond.InvalidRequest, "since", "use after, before, limit"},
		{"GET", "/api/streams/default/x?after=1&after=2", ``, millpond.InvalidRequest, "after", "twice"},
		{"GET", "/api/streams/default/x?after=-1", ``, millpond.InvalidRequest, "after", "whole number"},
		{"GET", "/api/streams/default/x?before=0", ``, millpond.InvalidRequest, "before", "1 or more"},
		{"GET", "/api/streams/default/x?limit=0", ``, millpond.InvalidRequest, "limit", "1 or more"},
		{"GET", "/api/streams/default/x?limit=1001", ``, millpond.InvalidRequest, "limit", "over 1000"},
		{"GET", "/api/streams/default/x?types=a,,b", ``, millpond.InvalidRequest, "types", "empty type"},
		{"GET", "/api/streams/default/x?types=" + strings.Repeat("a,", 100) + "a", ``, millpond.InvalidRequest, "types", "more than 100"},
		{"GET", "/api/streams/default/x?offset=1&limit=1", ``, millpond.InvalidRequest, "offset", "one event"},
		{"GET", "/api/streams/default/x?offset=1&key=k", ``, millpond.InvalidRequest, "offset", "one event"},
		{"GET", "/api/streams/default/x?a%zz", ``, millpond.InvalidRequest, "", "well-formed"},
		{"GET", "/api/state/default/none", ``, millpond.NotFound, "", "stream"},
		{"GET", "/api/state/default/x?full=1", ``, millpond.InvalidRequest, "full", "no parameters"},
		{"POST", "/api/control/default/x", `{"action":"explode"}`, millpond.InvalidRequest, "action", `"kill" or "reset"`},
		{"POST", "/api/control/default/x", `{}`, millpond.InvalidRequest, "action", `"kill" or "reset"`},
		{"POST", "/api/control/default/x", `{"action":1}`, millpond.InvalidRequest, "action", `"kill" or "reset"`},
		{"POST", "/api/control/default/x", `{"Action":"kill"}`, millpond.InvalidRequest, "Action", "use action"},
		{"POST", "/api/control/default/x", `{"action":"kill"}x`, millpond.InvalidRequest, "", "JSON"},
		{"POST", "/api/control/default/x", strings.Repeat(" ", maxControlBytes+1), millpond.EventTooLarge, "", "limit"},
		{"POST", "/api/control/default/none", `{"action":"reset"}`, millpond.NotFound, "", "stream"},
		{"DELETE", "/api/streams/default/x", ``, millpond.MethodNotAllowed, "", "GET, POST"},
		{"FROBNICATE", "/api/streams/default/x", ``, millpond.MethodNotAllowed, "", "GET, POST"},
		{"POST", "/api/state/default/x", ``, millpond.MethodNotAllowed, "", "GET"},
		{"GET", "/api/control/default/x", ``, millpond.MethodNotAllowed, "", "POST"},
		{"POST", "/healthz", ``, millpond.MethodNotAllowed, "", "GET"},
		{"GET", "/api", ``, millpond.NotFound, "", "/api/streams/"},
		{"GET", "/api/nowhere", ``, millpond.NotFound, "", "/api/streams/"},
		{"POST", "/nowhere", ``, millpond.MethodNotAllowed, "", "GET"},
		{"GET", "/api/ws", ``, millpond.InvalidRequest, "Sec-WebSocket-Protocol", "millpond.v1"},
	} {
		res := ts.do(t, test.method, test.target, test.body)
		p := res.problem(t)
		if p.Code != test.code || p.Field != test.field || !strings.Contains(p.Detail, test.detail) {
			t.Errorf("%s %s: %s", test.method, test.target, res.body)
		}
		if p.Code == millpond.MethodNotAllowed && res.Header.Get("Allow") != test.detail {
			t.Errorf("%s %s: Allow %q", test.method, test.target, res.Header.Get("Allow"))
		}
	}
	if got := offsets(ts.read(t, "/x")); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("something was committed: %v", got)
	}
	if res := ts.do(t, "GET", "/api/streams/default/none", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("a read created a stream: %s", res.body)
	}
}

// A body is bounded before it is read: by what it says of its length, and, when it says nothing, while it comes.
func TestBodyBounded(t *testing.T) {
	ts := start(t, Options{})
	for name, request := range map[string]string{
		"a petabyte":     fmt.Sprintf("Content-Length: %d\r\n\r\n", int64(1)<<50),
		"without an end": fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s", ts.server.appendBytes+1, strings.Repeat(" ", int(ts.server.appendBytes)+1)),
	} {
		conn, err := net.Dial("tcp", ts.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "POST /api/streams/default/x HTTP/1.1\r\nHost: localhost\r\n%s", request)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %v %v", name, res, err)
		}
		conn.Close()
	}
}
