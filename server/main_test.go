package server

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millpond-dev/millpond"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testServer is a server on a loopback port.
type testServer struct {
	*httptest.Server
	server *Server
	logged *strings.Builder // read it after the server is closed
}

func start(t testing.TB, opts Options) *testServer {
	t.Helper()
	ts := &testServer{logged: &strings.Builder{}}
	if opts.Data == "" {
		opts.Data = t.TempDir()
	}
	opts.Logger = slog.New(slog.NewTextHandler(ts.logged, nil))
	var err error
	if ts.server, err = New(opts); err != nil {
		t.Fatal(err)
	}
	ts.Server = httptest.NewServer(ts.server.Handler())
	ts.Client().Transport.(*http.Transport).DisableCompression = true // tests say what they accept
	t.Cleanup(func() {
		ts.close(t)
		ts.Server.Close()
	})
	return ts
}

// close drains the server.
func (ts *testServer) close(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := ts.server.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

// response is an answer, read.
type response struct {
	*http.Response
	body string
}

// do sends a request with headers, given as "Name: value", and reads the answer.
func (ts *testServer) do(t testing.TB, method, path, body string, headers ...string) response {
	t.Helper()
	res := ts.open(t, method, path, body, headers...)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	checkDescribed(t, res.Request, response{res, string(text)})
	return response{res, string(text)}
}

// open is do for an answer that the caller reads, and closes.
func (ts *testServer) open(t testing.TB, method, path, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, ts.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	res, err := ts.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// append appends, and fails the test when that fails.
func (ts *testServer) append(t testing.TB, path, body string) []millpond.Event {
	t.Helper()
	res := ts.do(t, "POST", "/api/streams/default"+path, body)
	if res.StatusCode != 200 {
		t.Fatalf("append: %s: %s", res.Status, res.body)
	}
	return res.events(t)
}

// read reads events, and fails the test when that fails.
func (ts *testServer) read(t testing.TB, pathAndQuery string) []millpond.Event {
	t.Helper()
	res := ts.do(t, "GET", "/api/streams/default"+pathAndQuery, "")
	if res.StatusCode != 200 {
		t.Fatalf("read: %s: %s", res.Status, res.body)
	}
	return res.events(t)
}

// events reads the body: an event, or an array of them.
func (res response) events(t testing.TB) []millpond.Event {
	t.Helper()
	if !strings.HasPrefix(res.body, "[") {
		res.body = "[" + res.body + "]"
	}
	var events []millpond.Event
	if err := json.Unmarshal([]byte(res.body), &events); err != nil {
		t.Fatalf("%v in %s", err, res.body)
	}
	return events
}

// problem reads the body, and checks that it is a well-formed problem.
func (res response) problem(t testing.TB) problem {
	t.Helper()
	var p problem
	d := json.NewDecoder(strings.NewReader(res.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatalf("%s: not a problem: %v: %q", res.Status, err, res.body)
	}
	if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type of a problem: %q", got)
	}
	if p.Status != res.StatusCode || p.Status != p.Code.HTTPStatus() || p.Type != "about:blank" || p.Title == "" || p.Detail == "" {
		t.Errorf("problem does not fit %s: %+v", res.Status, p)
	}
	if p.RequestID == "" || p.RequestID != res.Header.Get(requestIDHeader) {
		t.Errorf("the problem is of request %q, the response of %q", p.RequestID, res.Header.Get(requestIDHeader))
	}
	return p
}

func offsets(events []millpond.Event) []uint64 {
	var out []uint64
	for i := range events {
		out = append(out, events[i].Offset)
	}
	return out
}
