package server

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// source reads server-sent events as a browser's EventSource does.
type source struct {
	t     testing.TB
	res   *http.Response
	lines *bufio.Reader
	id    string // the last one
	retry time.Duration
	beats int
}

// sent is one that was dispatched.
type sent struct{ kind, id, data string }

// follow opens a response that follows the stream default:/x. A wait of a day, a fake one, ends the test.
func (ts *testServer) follow(t testing.TB, query string, headers ...string) *source {
	t.Helper()
	return follow(t, ts.Client(), ts.URL+"/api/streams/default/x?live=sse"+query, headers...)
}

func follow(t testing.TB, client *http.Client, url string, headers ...string) *source {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(24*time.Hour, cancel)
	s := &source{t: t, res: res, lines: bufio.NewReader(res.Body)}
	t.Cleanup(func() {
		timer.Stop()
		s.close()
		cancel()
	})
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		body, _ := io.ReadAll(res.Body)
		t.Fatalf("%s %v %s", res.Status, res.Header, body)
	}
	return s
}

func (s *source) close() { s.res.Body.Close() }

// next is what is dispatched next, or the error that the response ends with.
func (s *source) next() (sent, error) {
	var e sent
	var data []string
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return e, err
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			s.id = cmp.Or(e.id, s.id)
			if len(data) > 0 {
				e.id, e.data = s.id, strings.Join(data, "\n")
				return e, nil
			}
			e = sent{}
		case field == "":
			s.beats++
		case field == "id":
			e.id = value
		case field == "event":
			e.kind = value
		case field == "data":
			data = append(data, value)
		case field == "retry":
			ms, err := strconv.Atoi(value)
			if err != nil {
				s.t.Errorf("retry %q", value)
			}
			s.retry = time.Duration(ms) * time.Millisecond
		}
	}
}

// expect fails the test unless something of the kind is dispatched next.
func (s *source) expect(kind string) sent {
	s.t.Helper()
	e, err := s.next()
	if err != nil || e.kind != kind {
		s.t.Fatalf("received %+v, %v; want %q", e, err, kind)
	}
	return e
}

// events fails the test unless the stream's events with the offsets come next.
func (s *source) events(offsets ...uint64) []millpond.Event {
	s.t.Helper()
	var events []millpond.Event
	for _, offset := range offsets {
		e := s.expect("")
		var event millpond.Event
		if err := json.Unmarshal([]byte(e.data), &event); err != nil || event.Offset != offset || !strings.HasPrefix(e.id, fmt.Sprint(offset, "/")) {
			s.t.Fatalf("received %+v, %v; want offset %d", e, err, offset)
		}
		events = append(events, event)
	}
	return events
}

// S8: replay and live are one: from the start, after an offset, or only what is new; of all types or some.
func TestFollow(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `[{"type":"a"},{"type":"b"},{"type":"a"}]`) // 3, 4, 5
	all, after := ts.follow(t, "&after=0"), ts.follow(t, "&after=3")
	tail, some := ts.follow(t, ""), ts.follow(t, "&after=0&types=b,c")
	start := all.expect("resume")
	if !strings.Contains(start.data, `"after":0,"hash":"0000000000000000","maxOffset":5}`) {
		t.Errorf("resume %s", start.data)
	}
	all.events(1, 2, 3, 4, 5)
	after.expect("resume")
	after.events(4, 5)
	if e := tail.expect("resume"); !strings.HasPrefix(e.id, "5/") {
		t.Errorf("who comes back before the first event has id %q", e.id)
	}
	some.expect("resume")
	some.events(4)
	ts.append(t, "/x", `[{"type":"a"},{"type":"c"}]`)
	all.events(6, 7)
	after.events(6, 7)
	tail.events(6, 7)
	some.events(7)
	if all.retry < minRetryAfter || all.retry > maxRetryAfter {
		t.Errorf("retry after %v", all.retry)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "Content-Encoding": ""} {
		if got := all.res.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if res := ts.follow(t, "", "Accept-Encoding: gzip, br").res; res.Header.Get("Content-Encoding") != "" {
		t.Error("events are compressed, and so late")
	}
	if res := ts.do(t, "HEAD", "/api/streams/default/x?live=sse", ""); res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD: %s %v", res.Status, res.Header)
	}
}

// S8: the id of each event brings a client back to where it was; one whose copy is no prefix of the log is told, and begins
// again.
func TestFollowResumes(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `[{"type":"a"},{"type":"b"},{"type":"a"}]`)
	s := ts.follow(t, "&after=0")
	s.expect("resume")
	ids := map[uint64]string{}
	for offset := uint64(1); offset <= 5; offset++ {
		ids[offset] = s.expect("").id
	}
	for offset := uint64(1); offset <= 5; offset++ {
		for what, s := range map[string]*source{
			"header":            ts.follow(t, "", "Last-Event-ID: "+ids[offset]),
			"header over after": ts.follow(t, "&after=0", "Last-Event-ID: "+ids[offset]),
			"parameter":         ts.follow(t, "&after="+ids[offset]),
		} {
			if e := s.expect("resume"); e.id != ids[offset] {
				t.Errorf("%s: resumes at %s, not %s", what, e.id, ids[offset])
			}
			if offset < 5 {
				s.events(offset + 1)
			}
		}
	}
	old, hash := ids[5], ids[4][len(ids[4])-16:]
	for id, reason := range map[string]string{
		strings.Replace(old, "/20", "/19", 1):            "other-incarnation",
		"6" + old[1:]:                                    "ahead-of-log",
		strings.Replace(old, old[len(old)-16:], hash, 1): "diverged",
	} {
		s := ts.follow(t, "", "Last-Event-ID: "+id)
		if e := s.expect("rebuild"); !strings.Contains(e.data, `{"reason":"`+reason+`","incarnation":"20`) || !strings.HasPrefix(e.id, "0/") {
			t.Errorf("%s: %+v", reason, e)
		}
		s.events(1, 2, 3, 4, 5)
	}
	for id, field := range map[string]string{"x": "Last-Event-ID", "-1": "Last-Event-ID", "1/x/y": "Last-Event-ID", "1/" + strings.Repeat("x", 200): "Last-Event-ID"} {
		if p := ts.do(t, "GET", "/api/streams/default/x?live=sse", "", "Last-Event-ID: "+id).problem(t); p.Code != millpond.InvalidRequest || p.Field != field {
			t.Errorf("%s: %+v", id, p)
		}
	}
}

// S8: what a filter leaves out moves the client's position, too, without an event for each.
func TestFollowCheckpoint(t *testing.T) {
	ts := start(t, Options{})
	s := ts.follow(t, "&after=0&types=wanted")
	s.expect("resume")
	const batch = 500
	for range 3 {
		ts.append(t, "/x", "["+strings.Repeat(`{"type":"other"},`, batch-1)+`{"type":"other"}]`)
	}
	ts.append(t, "/x", `{"type":"wanted"}`)
	var id string // the last one before the event
	for line := ""; !strings.HasPrefix(line, "data: "); {
		var err error
		if line, err = s.lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if rest, ok := strings.CutPrefix(line, "id: "); ok && !strings.HasPrefix(rest, fmt.Sprint(3+3*batch, "/")) {
			id = strings.TrimSpace(rest)
		}
	}
	parsed, err := parseEventID("", id)
	if err != nil || parsed.offset < checkpointEvents || parsed.hash == nil {
		t.Fatalf("the position before the event was %q", id)
	}
	if e := ts.follow(t, "&types=wanted", "Last-Event-ID: "+id).expect("resume"); e.id != id {
		t.Errorf("resumes at %s, not %s", e.id, id)
	}
}

// S12: a reset is told in the same response, which goes on with the new log; a kill makes neither gap nor duplicate.
func TestFollowReset(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `{"type":"a"}`)
	s := ts.follow(t, "&after=0")
	s.expect("resume")
	s.events(1, 2, 3)
	ts.do(t, "POST", "/api/control/default/x", `{"action":"kill"}`)
	s.events(4)
	ts.append(t, "/x", `{"type":"b"}`)
	before := s.events(5)
	ts.do(t, "POST", "/api/control/default/x", `{"action":"reset"}`)
	if e := s.expect("rebuild"); !strings.Contains(e.data, "other-incarnation") {
		t.Errorf("%+v", e)
	}
	if created := s.events(1, 2)[0]; !created.CreatedAt.After(before[0].CreatedAt) {
		t.Errorf("%+v", created)
	}
}

// S4: a payload with line breaks is the same JSON for who receives it.
func TestFollowLineBreaks(t *testing.T) {
	ts := start(t, Options{})
	s := ts.follow(t, "")
	s.expect("resume")
	ts.append(t, "/x", "{\"type\":\"a\",\"payload\":{\n\"x\": 1,\r\n\"y\":\r\"\\n\\r\"\n}}")
	var got struct {
		X int
		Y string
	}
	if e := s.events(3)[0]; json.Unmarshal(e.Payload, &got) != nil || got.X != 1 || got.Y != "\n\r" {
		t.Errorf("%s", e.Payload)
	}
}

// A server that drains ends the responses well, and says when to come back.
func TestFollowDrain(t *testing.T) {
	ts := start(t, Options{})
	s := ts.follow(t, "&after=0")
	s.expect("resume")
	s.events(1, 2)
	s.retry = 0
	ts.close(t)
	if e := s.expect("goaway"); !strings.HasPrefix(e.data, `{"code":"unavailable","reason":"the server is shutting down`) || !strings.HasPrefix(e.id, "2/") {
		t.Errorf("%+v", e)
	}
	if _, err := s.next(); err != io.EOF || s.retry < minRetryAfter {
		t.Errorf("ends with %v, retry after %v", err, s.retry)
	}
	if n := len(ts.server.clients.all); n != 0 || !strings.Contains(ts.logged.String(), "follower disconnected") {
		t.Errorf("%d are still connected: %s", n, ts.logged)
	}
}

// Who goes away is noticed, and leaves nothing.
func TestFollowerGone(t *testing.T) {
	inBubble(t, 64<<10, func(t *testing.T, s *Server, n *fakeNet) {
		f := follow(t, n.client(t), "http://localhost/api/streams/default/x?live=sse&after=0")
		f.expect("resume")
		f.close()
		synctest.Wait()
		_, runtime, err := s.gate.Trusted().State(t.Context(), stream1)
		if err != nil || len(runtime.Connections) != 0 || len(s.clients.all) != 0 || s.clients.entered != 0 {
			t.Errorf("%+v %v; %d connected", runtime, err, len(s.clients.all))
		}
	})
}

// A response is never silent for longer than the interval, and never for long enough that a filter makes it so.
func TestFollowHeartbeat(t *testing.T) {
	inBubble(t, 64<<10, func(t *testing.T, s *Server, n *fakeNet) {
		f := follow(t, n.client(t), "http://localhost/api/streams/default/x?live=sse&types=b")
		f.expect("resume")
		time.Sleep(3*heartbeatInterval + time.Second)
		s.appendSome(t, stream1, "1") // of type a: nobody is told
		time.Sleep(heartbeatInterval)
		if _, err := s.gate.Trusted().Append(t.Context(), stream1, []millpond.Input{{Type: "b"}}); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for line := ""; !strings.HasPrefix(line, "data: "); {
			var err error
			if line, err = f.lines.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if line == ":\n" {
				f.beats++
			}
			if strings.HasPrefix(line, "id: ") {
				ids = append(ids, line[4:6])
			}
		}
		if f.beats != 3 || !slices.Equal(ids, []string{"3/", "4/"}) {
			t.Errorf("%d heartbeats, ids %v", f.beats, ids)
		}
	})
}

// S8: a client that does not read costs a bounded buffer, for a bounded time; it comes back to where it was.
func TestSlowFollower(t *testing.T) {
	inBubble(t, 64<<10, func(t *testing.T, s *Server, n *fakeNet) {
		f := follow(t, n.client(t), "http://localhost/api/streams/default/x?live=sse")
		f.expect("resume")
		payload := `"` + strings.Repeat("x", 100<<10) + `"`
		for range 10 {
			s.appendSome(t, stream1, payload)
		}
		time.Sleep(sendTimeout + time.Second)
		synctest.Wait()
		if len(s.clients.all) != 0 {
			t.Error("it is still waited for")
		}
		var got []uint64
		for {
			e, err := f.next()
			if err != nil {
				break
			}
			id, _ := parseEventID("", e.id)
			got = append(got, id.offset)
		}
		if len(got) == 10 {
			t.Error("everything was sent: this test is too small")
		}
		again := follow(t, n.client(t), "http://localhost/api/streams/default/x?live=sse", "Last-Event-ID: "+f.id)
		again.expect("resume")
		for offset := uint64(3 + len(got)); offset <= 12; offset++ {
			again.events(offset)
		}
	})
}

// A client that does not read does not hold up a server that drains.
func TestSlowFollowerDrain(t *testing.T) {
	inBubble(t, 64<<10, func(t *testing.T, s *Server, n *fakeNet) {
		f := follow(t, n.client(t), "http://localhost/api/streams/default/x?live=sse")
		f.expect("resume")
		for range 10 {
			s.appendSome(t, stream1, `"`+strings.Repeat("x", 100<<10)+`"`)
		}
		synctest.Wait()
		begin := time.Now()
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(begin); took != leaveTimeout {
			t.Errorf("took %v", took)
		}
	})
}

// A response ends when the identity does.
func TestFollowExpiry(t *testing.T) {
	inBubbleWith(t, 64<<10, Options{
		Authenticate: func(context.Context, access.Credentials) (access.Identity, error) {
			return access.Identity{Subject: "me", Expires: time.Now().Add(20 * time.Second)}, nil
		},
	}, func(t *testing.T, _ *Server, n *fakeNet) {
		begin := time.Now()
		f := follow(t, n.client(t), "http://localhost/api/streams/default/x?live=sse")
		f.expect("resume")
		if e := f.expect("goaway"); !strings.Contains(e.data, `"code":"unauthenticated"`) || time.Since(begin) != 20*time.Second {
			t.Errorf("after %v: %+v", time.Since(begin), e)
		}
		if _, err := f.next(); err != io.EOF {
			t.Errorf("ends with %v", err)
		}
	})
}

// The time limits of a server for requests and answers do not end a response that follows.
func TestFollowOutlivesTimeouts(t *testing.T) {
	inBubble(t, 64<<10, func(t *testing.T, s *Server, _ *fakeNet) {
		n := newFakeNet(64 << 10)
		serving := make(chan error)
		go func() { serving <- s.Serve(n) }()
		f := follow(t, n.client(t), "http://localhost/api/streams/default/x?live=sse")
		f.expect("resume")
		time.Sleep(10 * max(readTimeout, writeTimeout))
		s.appendSome(t, stream1, "1")
		f.events(3)
		f.close()
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-serving; err != nil {
			t.Error(err)
		}
	})
}

func TestFollowRefuses(t *testing.T) {
	ts := start(t, Options{})
	for query, field := range map[string]string{
		"?live=websocket":           "live",
		"?live=":                    "live",
		"?live=sse&limit=1":         "limit",
		"?live=sse&before=1":        "before",
		"?live=sse&offset=1":        "offset",
		"?live=sse&key=k":           "key",
		"?live=sse&incarnation=x":   "incarnation",
		"?live=sse&after=x":         "after",
		"?live=sse&after=":          "after",
		"?live=sse&types=a,,b":      "types",
		"?live=sse&live=sse":        "live",
		"?live=sse&since=yesterday": "since",
	} {
		if p := ts.do(t, "GET", "/api/streams/default/x"+query, "").problem(t); p.Code != millpond.InvalidRequest || p.Field != field {
			t.Errorf("%s: %+v", query, p)
		}
	}
	if res := ts.do(t, "GET", "/api/streams/default/x", ""); res.StatusCode != 404 {
		t.Errorf("a request that was refused has created the stream: %s", res.Status)
	}
	ts.server.clients.entered = ts.server.clients.max
	if p := ts.do(t, "GET", "/api/streams/default/x?live=sse", "").problem(t); p.Code != millpond.Unavailable {
		t.Errorf("%+v", p)
	}
	ts.server.clients.entered = 0
}

// client makes requests over the network in memory.
func (n *fakeNet) client(t testing.TB) *http.Client {
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return n.dial() }}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
