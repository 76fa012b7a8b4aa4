package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// limited is a server where everybody may do everything, within the limits.
func limited(limits access.Limits) Options {
	opts := (&door{allow: func(string, access.Action, millpond.Name) bool { return true }}).options()
	opts.Limits = limits
	return opts
}

// greet opens a websocket with a token, and returns the answer to its hello.
func (ts *testServer) greet(t testing.TB, token string) (*peer, any) {
	t.Helper()
	p, _, err := ts.dial(t, millpond.Subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	p.send(&millpond.Hello{Client: "test", Token: token})
	return p, p.next()
}

// batchOf is a body of so many events, and about so many bytes.
func batchOf(events, bytes int) string {
	event := fmt.Sprintf(`{"type":"a","payload":"%s"}`, strings.Repeat("x", bytes/events))
	return "[" + strings.Repeat(event+",", events-1) + event + "]"
}

// Over HTTP, what an identity appends too fast is refused, with the time when it may go on; others are not hurt.
func TestAppendRateHTTP(t *testing.T) {
	for name, test := range map[string]struct {
		limits access.Limits
		body   string
	}{
		"events": {access.Limits{EventsPerSecond: 1}, batchOf(1000, 1000)},
		"bytes":  {access.Limits{BytesPerSecond: 1}, batchOf(10, 4<<20-2000)},
	} {
		ts := start(t, limited(test.limits))
		post := func(who string) response {
			return ts.do(t, "POST", "/api/streams/default/x", test.body, "Authorization: Bearer "+who)
		}
		if res := post("a"); res.StatusCode != 200 {
			t.Fatalf("%s: the first of the largest size: %s", name, res.body)
		}
		res := post("a")
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if p := res.problem(t); p.Code != millpond.RateLimited || p.Status != 429 || err != nil || seconds < 900 {
			t.Errorf("%s: %+v, Retry-After %q", name, p, res.Header.Get("Retry-After"))
		}
		again, err := strconv.Atoi(post("a").Header.Get("Retry-After"))
		if err != nil || again > seconds { // what was refused has used nothing up
			t.Errorf("%s: refused again, for %d s, %v, after %d s", name, again, err, seconds)
		}
		if res := post("b"); res.StatusCode != 200 {
			t.Errorf("%s: another identity: %s", name, res.body)
		}
	}
}

// On a websocket an append that is too fast waits for its turn: all are committed, in order, no faster than the rate. One
// that would wait too long is refused.
func TestAppendRateWebsocket(t *testing.T) {
	events := json.RawMessage(batchOf(1000, 1000))
	for name, limits := range map[string]access.Limits{
		"identity":   {EventsPerSecond: 1000},
		"connection": {ConnectionEventsPerSecond: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbleWith(t, 1<<20, limited(limits), func(t *testing.T, s *Server, n *fakeNet) {
				p := connectFake(t, n)
				p.send(&millpond.Hello{Client: "test", Token: "me"})
				receive[*millpond.Welcome](p)
				begin := time.Now()
				for id := uint64(1); id <= 6; id++ {
					p.send(&millpond.Append{ID: id, Stream: stream1, Events: events})
				}
				for id := uint64(1); id <= 6; id++ {
					if m := receive[*millpond.Appended](p); m.ID != id {
						t.Errorf("%d was answered before %d", m.ID, id)
					}
				}
				if took := time.Since(begin); took != 4*time.Second { // two seconds' worth at once
					t.Errorf("6000 events took %v", took)
				}
			})
		})
	}
	ts := start(t, limited(access.Limits{EventsPerSecond: 1}))
	p, _ := ts.greet(t, "me")
	p.send(&millpond.Append{ID: 1, Stream: stream1, Events: events})
	receive[*millpond.Appended](p)
	p.send(&millpond.Append{ID: 2, Stream: stream1, Events: events})
	if e := receive[*millpond.ErrorMessage](p); e.Request != 2 || e.Code != millpond.RateLimited {
		t.Errorf("%+v", e)
	}
}

// An identity has a bounded number of connections, websockets and followers together.
func TestIdentityConnections(t *testing.T) {
	ts := start(t, limited(access.Limits{Connections: 2}))
	for range 2 {
		if _, got := ts.greet(t, "a"); !isWelcome(got) {
			t.Fatalf("%+v", got)
		}
	}
	third, got := ts.greet(t, "a")
	if e, ok := got.(*millpond.ErrorMessage); !ok || e.Code != millpond.RateLimited {
		t.Errorf("the third: %+v", got)
	}
	third.closed(websocket.StatusCode(millpond.RateLimited.CloseCode()))
	if p := ts.do(t, "GET", "/api/streams/default/x?live=sse", "", "Authorization: Bearer a").problem(t); p.Code != millpond.RateLimited {
		t.Errorf("a follower beside two websockets: %+v", p)
	}
	if _, got := ts.greet(t, "b"); !isWelcome(got) {
		t.Errorf("another identity: %+v", got)
	}
	ts.close(t) // waits for their end
	if used := ts.server.gate.Used("a"); used != (access.Used{}) {
		t.Errorf("after all is closed %+v is left", used)
	}
}

func isWelcome(m any) bool {
	_, ok := m.(*millpond.Welcome)
	return ok
}

// An identity has a bounded number of subscriptions on all of its connections; the end of one makes room.
func TestIdentitySubscriptions(t *testing.T) {
	ts := start(t, limited(access.Limits{Subscriptions: 2}))
	a, _ := ts.greet(t, "a")
	b, _ := ts.greet(t, "a")
	for i, p := range []*peer{a, b} {
		p.send(&millpond.Subscribe{ID: uint32(i + 1), Stream: stream1, Credit: 1 << 20})
		receive[*millpond.Resume](p)
	}
	b.send(&millpond.Subscribe{ID: 7, Stream: stream1})
	if e := receive[*millpond.ErrorMessage](b); e.Subscription != 7 || e.Code != millpond.RateLimited {
		t.Errorf("%+v", e)
	}
	a.send(&millpond.Unsubscribe{ID: 1})
	receive[*millpond.Unsubscribed](a)
	b.send(&millpond.Subscribe{ID: 8, Stream: stream1, Credit: 1 << 20})
	receive[*millpond.Resume](b)
	ts.close(t)
	if used := ts.server.gate.Used("a"); used != (access.Used{}) {
		t.Errorf("after all is closed %+v is left", used)
	}
}

// What appends hold in memory is bounded, of an identity and of all, before it is read.
func TestPendingBytes(t *testing.T) {
	ts := start(t, limited(access.Limits{PendingBytes: 300 << 10, TotalPendingBytes: 500 << 10}))
	post := func(who string, bytes int) response {
		return ts.do(t, "POST", "/api/streams/default/x", batchOf(1, bytes), "Authorization: Bearer "+who)
	}
	if res := post("a", 200<<10); res.StatusCode != 200 {
		t.Fatal(res.body)
	}
	if p := post("a", 310<<10).problem(t); p.Code != millpond.RateLimited {
		t.Errorf("%+v", p)
	}
	other, err := ts.server.gate.Authenticate(context.Background(), access.Credentials{Token: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Hold(290 << 10); err != nil {
		t.Fatal(err)
	}
	if p := post("a", 250<<10).problem(t); p.Code != millpond.Unavailable {
		t.Errorf("%+v", p)
	}
	p, _ := ts.greet(t, "a")
	p.send(&millpond.Append{ID: 1, Stream: stream1, Events: json.RawMessage(batchOf(1, 400<<10))})
	if e := receive[*millpond.ErrorMessage](p); e.Code != millpond.Unavailable && e.Code != millpond.RateLimited {
		t.Errorf("%+v", e)
	}
	other.Release(290 << 10)
	ts.close(t)
	for _, who := range []string{"a", "b"} {
		if used := ts.server.gate.Used(who); used != (access.Used{}) {
			t.Errorf("%s: %+v is left", who, used)
		}
	}
}

// Websockets that do not say who they are, are few, and say little.
func TestGreetings(t *testing.T) {
	ts := start(t, limited(access.Limits{Greetings: 2}))
	open := func() *peer {
		p, _, err := ts.dial(t, millpond.Subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first, second := open(), open()
	if _, res, err := ts.dial(t, millpond.Subprotocol); err == nil || res.StatusCode != 503 {
		t.Errorf("a third: %v", err)
	}
	first.send(&millpond.Hello{Client: "test", Token: "a"})
	receive[*millpond.Welcome](first)
	open()
	second.send(&millpond.Hello{Client: strings.Repeat("x", maxHelloBytes), Token: "a"})
	if e := receive[*millpond.ErrorMessage](second); e.Code != millpond.EventTooLarge {
		t.Errorf("a long hello: %+v", e)
	}
}

// The operator may lower how large a message may be; clients are told.
func TestMessageBytes(t *testing.T) {
	ts := start(t, limited(access.Limits{MessageBytes: 10_000}))
	p, got := ts.greet(t, "a")
	if welcome, ok := got.(*millpond.Welcome); !ok || welcome.Limits.MessageBytes != 10_000 {
		t.Errorf("%+v", got)
	}
	p.send(&millpond.Append{ID: 1, Stream: stream1, Events: json.RawMessage(batchOf(1, 10_000))})
	if e := receive[*millpond.ErrorMessage](p); e.Code != millpond.EventTooLarge {
		t.Errorf("%+v", e)
	}
	res := ts.do(t, "POST", "/api/streams/default/x", batchOf(1, 10_000), "Authorization: Bearer a")
	if p := res.problem(t); p.Code != millpond.EventTooLarge {
		t.Errorf("%+v", p)
	}
}
