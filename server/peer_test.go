package server

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
)

// peer is the other end of a websocket. A wait of a real minute, or of a fake hour, ends the test.
type peer struct {
	t  testing.TB
	ws *websocket.Conn
}

// connect opens a websocket and says hello.
func (ts *testServer) connect(t testing.TB, subprotocol string) *peer {
	t.Helper()
	p, _, err := ts.dial(t, subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	p.hello()
	return p
}

// dial opens a websocket with headers, given as "Name: value".
func (ts *testServer) dial(t testing.TB, subprotocol string, headers ...string) (*peer, *http.Response, error) {
	opts := &websocket.DialOptions{HTTPHeader: http.Header{}, HTTPClient: ts.Client()}
	if subprotocol != "" {
		opts.Subprotocols = []string{subprotocol}
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			opts.Host = value
			continue
		}
		opts.HTTPHeader.Set(name, value)
	}
	return newPeer(t, ts.URL, opts)
}

func newPeer(t testing.TB, url string, opts *websocket.DialOptions) (*peer, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ws, res, err := websocket.Dial(ctx, url+"/api/ws", opts)
	if err != nil {
		return nil, res, err
	}
	ws.SetReadLimit(2 * millpond.MaxMessageBytes)
	t.Cleanup(func() { ws.CloseNow() })
	return &peer{t, ws}, res, nil
}

// connectFake opens a websocket over a network in memory.
func connectFake(t testing.TB, n *fakeNet) *peer {
	t.Helper()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return n.dial() }}
	p, _, err := newPeer(t, "http://fake", &websocket.DialOptions{
		Subprotocols: []string{millpond.Subprotocol},
		HTTPClient:   &http.Client{Transport: transport},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *peer) hello() *millpond.Welcome {
	p.t.Helper()
	p.send(&millpond.Hello{Client: "test"})
	return receive[*millpond.Welcome](p)
}

func (p *peer) send(m millpond.Message) {
	p.t.Helper()
	p.write(websocket.MessageText, millpond.MarshalMessage(m))
}

func (p *peer) write(kind websocket.MessageType, b []byte) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.ws.Write(ctx, kind, b); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

// next is the next message: a millpond.Message, a *millpond.Batch, or the error that ended the connection.
func (p *peer) next() any {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	kind, data, err := p.ws.Read(ctx)
	if err != nil {
		return err
	}
	if kind == websocket.MessageText {
		m, err := millpond.UnmarshalMessage(data)
		if err != nil {
			return err
		}
		return m
	}
	if millpond.IsPart(data) {
		part, err := millpond.DecodePart(data)
		if err != nil {
			return err
		}
		return &part
	}
	b, err := millpond.DecodeBatch(data)
	if err != nil {
		return err
	}
	return &b
}

// receive fails the test when the next message is not a T.
func receive[T any](p *peer) T {
	p.t.Helper()
	got := p.next()
	m, ok := got.(T)
	if !ok {
		p.t.Fatalf("received %T %+v, want %T", got, got, m)
	}
	return m
}

// closed fails the test when the connection is not closed next, with the code.
func (p *peer) closed(code websocket.StatusCode) {
	p.t.Helper()
	err := receive[error](p)
	if got := websocket.CloseStatus(err); got != code {
		p.t.Errorf("closed with %d (%v), want %d", got, err, code)
	}
}

// records decodes a batch's events.
func records(t testing.TB, b *millpond.Batch) []millpond.Event {
	t.Helper()
	var events []millpond.Event
	for rest := b.Records; len(rest) > 0; {
		record, next, err := millpond.NextRecord(rest)
		if err != nil {
			t.Fatal(err)
		}
		var e millpond.Event
		if err := millpond.DecodeRecord(record, &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
		rest = next
	}
	return events
}

// events receives batches until they have brought n events.
func (p *peer) events(n int) []millpond.Event {
	p.t.Helper()
	var events []millpond.Event
	for len(events) < n {
		events = append(events, records(p.t, receive[*millpond.Batch](p))...)
	}
	return events
}
