package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
)

var stream1 = millpond.Name{Namespace: "default", Path: "/x"}

func from(offset uint64) *uint64 { return &offset }

func TestHello(t *testing.T) {
	ts := start(t, Options{Version: "1.2.3"})
	p, _, err := ts.dial(t, millpond.Subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	w := p.hello()
	if w.Server != "millpond/1.2.3" || w.Session == "" || w.Limits.CreditBytes != millpond.MaxCreditBytes ||
		w.Limits.MessageBytes != millpond.MaxMessageBytes || w.Limits.FrameBytes != millpond.MaxFrameBytes {
		t.Errorf("%+v", w)
	}
	p.send(&millpond.Ping{Nonce: 7})
	if pong := receive[*millpond.Pong](p); pong.Nonce != 7 {
		t.Errorf("%+v", pong)
	}
	p.ws.Close(websocket.StatusNormalClosure, "")
	ts.close(t)
	for _, want := range []string{`msg="client connected" session=` + w.Session, `client=test`, `msg="client disconnected" session=` + w.Session} {
		if !strings.Contains(ts.logged.String(), want) {
			t.Errorf("log has no %s:\n%s", want, ts.logged)
		}
	}
}

// S8: replay after an exclusive offset, then live events, through one pump, with the stream's maximum and its hash.
func TestSubscribe(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `[{"type":"a"},{"type":"b"}]`)
	p := ts.connect(t, millpond.Subprotocol)
	p.send(&millpond.Subscribe{ID: 5, Stream: stream1, After: from(1), Credit: 1 << 20})
	r := receive[*millpond.Resume](p)
	if r.ID != 5 || r.After != 1 || r.MaxOffset != 4 || r.Incarnation == "" || r.Hash == 0 {
		t.Errorf("%+v", r)
	}
	b := receive[*millpond.Batch](p)
	if got := offsets(records(t, b)); !slices.Equal(got, []uint64{2, 3, 4}) || b.Subscription != 5 || b.LastOffset != 4 || b.MaxOffset != 4 || !b.Live {
		t.Errorf("replay: offsets %v, %+v", got, b)
	}
	ts.append(t, "/x", `{"type":"c"}`)
	live := receive[*millpond.Batch](p)
	if got := offsets(records(t, live)); !slices.Equal(got, []uint64{5}) || live.MaxOffset != 5 {
		t.Errorf("live: offsets %v, %+v", got, live)
	}
	hash := b.Hash
	record, _, _ := millpond.NextRecord(live.Records)
	if hash.Next(record) != live.Hash {
		t.Error("the hash does not follow")
	}
	p.send(&millpond.Unsubscribe{ID: 5})
	if u := receive[*millpond.Unsubscribed](p); u.ID != 5 || u.Reason != millpond.EndUnsubscribed {
		t.Errorf("%+v", u)
	}
	ts.append(t, "/x", `{"type":"d"}`)
	p.send(&millpond.Ping{Nonce: 1})
	receive[*millpond.Pong](p) // and no batch
}

// S8: without an offset only what is new; with a filter only some types, while the checkpoint passes the others.
func TestSubscribeLiveFiltered(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `[{"type":"a"},{"type":"b"}]`)
	p := ts.connect(t, millpond.Subprotocol)
	p.send(&millpond.Subscribe{ID: 1, Stream: stream1, Types: []string{"b"}, Credit: 1 << 20})
	if r := receive[*millpond.Resume](p); r.After != 4 {
		t.Errorf("%+v", r)
	}
	ts.append(t, "/x", `[{"type":"b"},{"type":"a"}]`)
	var got []uint64
	for last := uint64(4); last < 6; {
		b := receive[*millpond.Batch](p)
		got = append(got, offsets(records(t, b))...)
		last = b.LastOffset
	}
	if !slices.Equal(got, []uint64{5}) {
		t.Errorf("offsets %v", got)
	}
}

// S8: replay and live without a gap or a duplicate, while others append.
func TestSubscribeWhileAppending(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `{"type":"a"}`)
	const appenders, each = 4, 25
	var wg sync.WaitGroup
	for range appenders {
		wg.Go(func() {
			for range each {
				ts.append(t, "/x", `[{"type":"a"},{"type":"b"}]`)
			}
		})
	}
	const total = 3 + appenders*each*2
	for range 3 {
		p := ts.connect(t, millpond.Subprotocol)
		wg.Go(func() {
			p.send(&millpond.Subscribe{ID: 1, Stream: stream1, After: from(0), Credit: 1 << 20})
			receive[*millpond.Resume](p)
			for i, e := range p.events(total) {
				if e.Offset != uint64(i)+1 {
					t.Errorf("offset %d at index %d", e.Offset, i)
					return
				}
			}
		})
	}
	wg.Wait()
}

// S8: the same key replaces the older subscription; a reset and a kill end it with a reason.
func TestSubscriptionEnds(t *testing.T) {
	ts := start(t, Options{})
	p := ts.connect(t, millpond.Subprotocol)
	subscribe := func(id uint32) *millpond.Resume {
		p.send(&millpond.Subscribe{ID: id, Stream: stream1, Key: "k", Credit: 1 << 20})
		return receive[*millpond.Resume](p)
	}
	ended := func(id uint32, reason millpond.EndReason) {
		t.Helper()
		if u := receive[*millpond.Unsubscribed](p); u.ID != id || u.Reason != reason {
			t.Errorf("%+v, want %d %s", u, id, reason)
		}
	}
	first := subscribe(1)
	q := ts.connect(t, millpond.Subprotocol)
	q.send(&millpond.Subscribe{ID: 1, Stream: stream1, Key: "k", Credit: 1 << 20})
	receive[*millpond.Resume](q)
	ended(1, millpond.EndReplaced)
	q.ws.CloseNow()

	subscribe(2)
	ts.do(t, "POST", "/api/control/default/x", `{"action":"kill"}`)
	ended(2, millpond.EndKilled)
	subscribe(3)
	ts.do(t, "POST", "/api/control/default/x", `{"action":"reset"}`)
	ended(3, millpond.EndReset)

	p.send(&millpond.Subscribe{ID: 4, Stream: stream1, After: &first.After, Incarnation: first.Incarnation, Hash: &first.Hash, Credit: 1 << 20})
	if r := receive[*millpond.Rebuild](p); r.ID != 4 || r.Reason != millpond.OtherIncarnation || r.Incarnation == first.Incarnation {
		t.Errorf("%+v", r)
	}
	if e := p.events(1)[0]; e.Offset != 1 {
		t.Errorf("a rebuild begins at %d", e.Offset)
	}
}

// S8: credit bounds what is sent; a grant lets it go on.
func TestCredit(t *testing.T) {
	ts := start(t, Options{})
	event := `{"type":"a","payload":"` + strings.Repeat("x", 1000) + `"}`
	ts.append(t, "/x", "["+strings.Repeat(event+",", 99)+event+"]")
	p := ts.connect(t, millpond.Subprotocol)
	p.send(&millpond.Subscribe{ID: 1, Stream: stream1, After: from(2), Credit: 10_000})
	receive[*millpond.Resume](p)
	var got []millpond.Event
	for credit := 10_000; len(got) < 100; {
		if credit <= 0 {
			p.send(&millpond.Ping{Nonce: 1})
			receive[*millpond.Pong](p)
			p.send(&millpond.Credit{ID: 1, Bytes: 10_000})
			credit += 10_000
		}
		b := receive[*millpond.Batch](p)
		size := len(b.AppendFrame(nil))
		if size > credit+1100 {
			t.Fatalf("a frame of %d bytes for a credit of %d", size, credit)
		}
		credit -= size
		got = append(got, records(t, b)...)
	}
	for i, e := range got {
		if e.Offset != uint64(i)+3 {
			t.Fatalf("offset %d at index %d", e.Offset, i)
		}
	}
}

// A client with all the credit that there is may grant the bytes of a frame again as soon as it has it.
func TestCreditOfFrameJustRead(t *testing.T) {
	s := &subscription{bytes: millpond.MaxCreditBytes, gained: make(chan struct{}, 1)}
	c := &client{ctx: t.Context()}
	granted := false
	c.ws = writerSocket(func(frame []byte) { granted = s.add(int64(len(frame))) })
	if err := c.sendBatch(s, &millpond.Batch{Subscription: 1, LastOffset: 1, MaxOffset: 1}); err != nil || !granted {
		t.Errorf("granted: %v, error %v", granted, err)
	}
}

// writerSocket is a socket that is only written to.
type writerSocket func([]byte)

func (w writerSocket) Write(_ context.Context, _ websocket.MessageType, head, body []byte) error {
	w(append(head, body...))
	return nil
}
func (w writerSocket) Reader(context.Context) (websocket.MessageType, io.Reader, error) {
	panic("read")
}
func (w writerSocket) Close(websocket.StatusCode, string) error { return nil }
func (w writerSocket) CloseNow() error                          { return nil }
func (w writerSocket) Subprotocol() string                      { return "" }

// The text subprotocol carries the same batches as JSON.
func TestTextSubprotocol(t *testing.T) {
	ts := start(t, Options{})
	appended := ts.append(t, "/x", `{"type":"a","payload":{"b":[1, 2]},"idempotencyKey":"k"}`)
	p := ts.connect(t, millpond.SubprotocolJSON)
	p.send(&millpond.Subscribe{ID: 1, Stream: stream1, After: from(2), Credit: 1 << 20})
	receive[*millpond.Resume](p)
	b := receive[*millpond.BatchMessage](p)
	if b.ID != 1 || !b.Live || b.LastOffset != 3 || b.MaxOffset != 3 || b.Hash == 0 || len(b.Events) != 1 {
		t.Fatalf("%+v", b)
	}
	if got, want := string(b.Events[0].AppendJSON(nil)), string(appended[0].AppendJSON(nil)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// S1, S2, S3: appends over the websocket keep their order; a refused one says why, and the connection goes on.
func TestWebsocketAppend(t *testing.T) {
	ts := start(t, Options{})
	p := ts.connect(t, millpond.Subprotocol)
	for i := uint64(1); i <= 20; i++ {
		p.send(&millpond.Append{ID: i, Stream: stream1, Events: json.RawMessage(fmt.Sprintf(`[{"type":"a","payload":%d,"idempotencyKey":"k%d"}]`, i, i))})
	}
	for i := uint64(1); i <= 20; i++ {
		if a := receive[*millpond.Appended](p); a.ID != i || a.Events[0].Offset != i+2 || string(a.Events[0].Payload) != fmt.Sprint(i) {
			t.Fatalf("answer %d: %+v", i, a)
		}
	}
	for _, test := range []struct {
		stream millpond.Name
		events string
		code   millpond.ErrorCode
		field  string
	}{
		{stream1, `[{"type":"a","offset":5}]`, millpond.OffsetConflict, ""},
		{stream1, `[{"type":"a"},{"typ":"b"}]`, millpond.InvalidEvent, "[1].typ"},
		{stream1, `[]`, millpond.InvalidRequest, ""},
		{stream1, `{"type":"a"}`, millpond.InvalidRequest, "events"},
		{stream1, `[{"type":"stream/woken"}]`, millpond.InvalidEvent, "[0].type"},
		{millpond.Name{Namespace: "default", Path: "x"}, `[{"type":"a"}]`, millpond.InvalidName, "path"},
	} {
		p.send(&millpond.Append{ID: 99, Stream: test.stream, Events: json.RawMessage(test.events)})
		e := receive[*millpond.ErrorMessage](p)
		if e.Request != 99 || e.Subscription != 0 || e.Code != test.code || test.field != "" && e.Field != test.field || e.Message == "" {
			t.Errorf("%s: %+v", test.events, e)
		}
	}
	p.send(&millpond.Append{ID: 21, Stream: stream1, Events: json.RawMessage(`[{"type":"other","idempotencyKey":"k7"}]`)})
	if a := receive[*millpond.Appended](p); a.Events[0].Offset != 9 || a.Events[0].Type != "a" {
		t.Errorf("repeat: %+v", a.Events[0])
	}
}

// A refused subscription says why, and the connection goes on.
func TestSubscribeRefused(t *testing.T) {
	ts := start(t, Options{})
	p := ts.connect(t, millpond.Subprotocol)
	p.send(&millpond.Subscribe{ID: 3, Stream: millpond.Name{Namespace: "default", Path: "/X"}, Credit: 1})
	if e := receive[*millpond.ErrorMessage](p); e.Subscription != 3 || e.Code != millpond.InvalidName || e.Field != "path" {
		t.Errorf("%+v", e)
	}
	p.send(&millpond.Subscribe{ID: 3, Stream: stream1, Credit: 1})
	receive[*millpond.Resume](p)
	// What crosses the end of a subscription is no mistake.
	p.send(&millpond.Credit{ID: 77, Bytes: 1})
	p.send(&millpond.Unsubscribe{ID: 77})
	p.send(&millpond.Ping{Nonce: 1})
	receive[*millpond.Pong](p)
}

// Who breaks the protocol is told how, and disconnected with the code's close code.
func TestProtocolErrors(t *testing.T) {
	ts := start(t, Options{})
	subscribe := millpond.MarshalMessage(&millpond.Subscribe{ID: 1, Stream: stream1, Credit: millpond.MaxCreditBytes})
	for name, test := range map[string]struct {
		first string // "" means hello
		send  []string
		code  millpond.ErrorCode
		say   string
	}{
		"no hello":             {first: `{"type":"ping","nonce":1}`, say: "first message must be hello"},
		"second hello":         {send: []string{`{"type":"hello","client":"again"}`}, say: "already"},
		"not JSON":             {send: []string{`subscribe`}, say: "JSON"},
		"unknown message":      {send: []string{`{"type":"frobnicate"}`}, say: "frobnicate"},
		"the server's message": {send: []string{`{"type":"goaway"}`}, say: "message of the server"},
		"subscription 0":       {send: []string{`{"type":"subscribe","id":0,"stream":{"namespace":"default","path":"/x"},"credit":1}`}, say: "1 or more"},
		"duplicate id":         {send: []string{string(subscribe), string(subscribe)}, say: "in use"},
		"credit below 0":       {send: []string{`{"type":"subscribe","id":1,"stream":{"namespace":"default","path":"/x"},"credit":-1}`}, say: "0 to"},
		"too much credit":      {send: []string{`{"type":"subscribe","id":1,"stream":{"namespace":"default","path":"/x"},"credit":67108865}`}, say: "0 to"},
		"credit overflow":      {send: []string{string(subscribe), `{"type":"credit","id":1,"bytes":9223372036854775807}`}, say: "would be over"},
		"credit of 0":          {send: []string{`{"type":"credit","id":1,"bytes":0}`}, say: "1 or more"},
		"credit for 0":         {send: []string{`{"type":"credit","id":0,"bytes":1}`}, say: "1 or more"},
		"unsubscribe 0":        {send: []string{`{"type":"unsubscribe","id":0}`}, say: "1 or more"},
		"append 0":             {send: []string{`{"type":"append","id":0,"stream":{"namespace":"default","path":"/x"},"events":[]}`}, say: "1 or more"},
		"too large":            {send: []string{strings.Repeat(" ", millpond.MaxMessageBytes+1)}, code: millpond.EventTooLarge, say: "over the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, err := ts.dial(t, millpond.Subprotocol)
			if err != nil {
				t.Fatal(err)
			}
			if test.first != "" {
				p.write(websocket.MessageText, []byte(test.first))
			} else {
				p.hello()
			}
			for _, m := range test.send {
				p.write(websocket.MessageText, []byte(m))
			}
			if test.code == "" {
				test.code = millpond.InvalidRequest
			}
			for {
				switch m := p.next().(type) {
				case *millpond.Resume, *millpond.Batch:
					continue
				case *millpond.ErrorMessage:
					if m.Code != test.code || !strings.Contains(m.Message, test.say) || m.Request != 0 || m.Subscription != 0 {
						t.Errorf("%+v", m)
					}
				default:
					t.Fatalf("%T %v", m, m)
				}
				break
			}
			for {
				got := p.next()
				if _, ok := got.(*millpond.Batch); ok {
					continue // of before the mistake
				}
				if err, _ := got.(error); int(websocket.CloseStatus(err)) != test.code.CloseCode() {
					t.Errorf("%T %v", got, got)
				}
				break
			}
		})
	}
	t.Run("binary", func(t *testing.T) {
		p := ts.connect(t, millpond.Subprotocol)
		p.write(websocket.MessageBinary, []byte{1})
		if e := receive[*millpond.ErrorMessage](p); e.Code != millpond.InvalidRequest {
			t.Errorf("%+v", e)
		}
		p.closed(4400)
	})
}

// A connection has a bounded number of subscriptions.
func TestSubscriptionLimit(t *testing.T) {
	ts := start(t, Options{})
	p := ts.connect(t, millpond.Subprotocol)
	for id := uint32(1); id <= millpond.MaxSubscriptions; id++ {
		p.send(&millpond.Subscribe{ID: id, Stream: stream1})
		receive[*millpond.Resume](p)
	}
	p.send(&millpond.Subscribe{ID: 5000, Stream: stream1})
	if e := receive[*millpond.ErrorMessage](p); e.Subscription != 5000 || e.Code != millpond.RateLimited {
		t.Errorf("%+v", e)
	}
}

// A server has a bounded number of connections.
func TestConnectionLimit(t *testing.T) {
	ts := start(t, Options{})
	clients := &ts.server.clients
	clients.mu.Lock()
	clients.entered += clients.max - 1 // as if they were there
	clients.mu.Unlock()
	ts.connect(t, millpond.Subprotocol)
	if _, res, err := ts.dial(t, millpond.Subprotocol); err == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many: %v", err)
	}
	clients.exit() // one of them goes
	ts.connect(t, millpond.Subprotocol)
	clients.running.Add(1)
}

// Which requests may open a websocket: a browser request without Origin is refused.
func TestWebsocketOrigin(t *testing.T) {
	ts := start(t, Options{AllowedOrigins: []string{"https://app.example.com"}})
	for _, test := range []struct {
		headers []string
		allowed bool
	}{
		{nil, true}, // a program
		{[]string{"Origin: " + ts.URL}, true},
		{[]string{"Origin: " + ts.URL, "Sec-Fetch-Site: same-origin", "User-Agent: Mozilla/5.0"}, true},
		{[]string{"Origin: https://app.example.com", "Sec-Fetch-Site: cross-site"}, true},
		{[]string{"Origin: https://evil.example"}, false},
		{[]string{"Origin: null"}, false},
		{[]string{"Sec-Fetch-Mode: websocket"}, false},
		{[]string{"Sec-Fetch-Site: same-origin"}, false},
		{[]string{"User-Agent: Mozilla/5.0"}, false},
		{[]string{"Host: evil.example", "Origin: http://evil.example"}, false}, // DNS rebinding
	} {
		p, res, err := ts.dial(t, millpond.Subprotocol, test.headers...)
		if !test.allowed {
			if err == nil {
				t.Errorf("%v: allowed", test.headers)
				continue
			}
			body, _ := io.ReadAll(res.Body)
			if got := (response{res, string(body)}).problem(t); got.Code != millpond.Forbidden {
				t.Errorf("%v: %+v", test.headers, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", test.headers, err)
			continue
		}
		p.hello()
		p.ws.CloseNow()
	}
}

// A handshake that is none gets a problem.
func TestHandshake(t *testing.T) {
	ts := start(t, Options{})
	for _, headers := range [][]string{
		{"Sec-WebSocket-Protocol: millpond.v1"},
		{"Sec-WebSocket-Protocol: other, millpond.v1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 8", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="},
	} {
		if p := ts.do(t, "GET", "/api/ws", "", headers...).problem(t); p.Code != millpond.InvalidRequest || !strings.Contains(p.Detail, "WebSocket") {
			t.Errorf("%v: %+v", headers, p)
		}
	}
	for _, subprotocol := range []string{"", "millpond.v2"} {
		_, res, err := ts.dial(t, subprotocol)
		if err == nil || res.StatusCode != http.StatusBadRequest {
			t.Errorf("subprotocol %q: %v", subprotocol, err)
		}
	}
	if ts.connect(t, millpond.Subprotocol).ws.Subprotocol() != millpond.Subprotocol {
		t.Error("another subprotocol was chosen")
	}
}

// Drain: clients are told to come back, not all at once, and are disconnected; what was appended is there.
func TestDrain(t *testing.T) {
	dir := t.TempDir()
	ts := start(t, Options{Data: dir})
	waiting, _, err := ts.dial(t, millpond.Subprotocol) // has not said hello
	if err != nil {
		t.Fatal(err)
	}
	p := ts.connect(t, millpond.Subprotocol)
	p.send(&millpond.Subscribe{ID: 1, Stream: stream1, Credit: 1 << 20})
	receive[*millpond.Resume](p)
	p.send(&millpond.Append{ID: 1, Stream: stream1, Events: json.RawMessage(`[{"type":"a"}]`)})
	for answered := false; !answered; {
		switch m := p.next().(type) {
		case *millpond.Appended:
			answered = true
		case error:
			t.Fatal(m)
		}
	}
	var wg sync.WaitGroup
	for _, p := range []*peer{waiting, p} {
		wg.Go(func() {
			for {
				switch m := p.next().(type) {
				case *millpond.Goaway:
					if m.Reason == "" || m.RetryAfterMs < minRetryAfter.Milliseconds() || m.RetryAfterMs > maxRetryAfter.Milliseconds() {
						t.Errorf("%+v", m)
					}
					p.closed(websocket.StatusGoingAway)
					return
				case error:
					t.Errorf("no goaway: %v", m)
					return
				}
			}
		})
	}
	ts.close(t)
	wg.Wait()
	if p := ts.do(t, "POST", "/api/streams/default/x", `{"type":"b"}`).problem(t); p.Code != millpond.Unavailable {
		t.Errorf("append after the drain: %+v", p)
	}
	if _, res, err := ts.dial(t, millpond.Subprotocol); err == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("websocket after the drain: %v", err)
	}
	if n := len(start(t, Options{Data: dir}).read(t, "/x")); n != 3 {
		t.Errorf("%d events after a restart", n)
	}
}

// B15: an append that is to be tried again ends the connection, and what was sent behind it is not committed before it.
func TestAppendNotNow(t *testing.T) {
	var failing atomic.Bool
	failing.Store(true)
	log := memory.New(memory.Options{BeforeCommit: func(context.Context, []store.Batch) error {
		if failing.Swap(false) { // the first commit only
			return errors.New("no room")
		}
		return nil
	}})
	defer log.Close()
	ts := start(t, Options{Store: log})
	p := ts.connect(t, millpond.Subprotocol)
	stream := millpond.Name{Namespace: "default", Path: "/a"}
	for id := range uint64(2) {
		p.send(&millpond.Append{ID: id + 1, Stream: stream, Events: json.RawMessage(`[{"type":"x"}]`)})
	}
	if e := receive[*millpond.ErrorMessage](p); e.Request != 1 || e.Code.Action() != millpond.Retry {
		t.Errorf("got %+v", e)
	}
	e := receive[*millpond.ErrorMessage](p)
	if e.Request != 0 {
		t.Errorf("got %+v", e)
	}
	p.closed(websocket.StatusCode(e.Code.CloseCode()))
	if res := ts.do(t, "GET", "/api/streams/default/a", ""); res.StatusCode != http.StatusNotFound {
		t.Errorf("the stream has %s", res.body)
	}
}
