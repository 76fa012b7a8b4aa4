//go:build !js

package conn

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/millpond-dev/millpond"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server that hands each websocket to handle, and returns its URL.
func serve(t *testing.T, handle func(ws *websocket.Conn)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{millpond.Subprotocol}})
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.CloseNow()
		handle(ws)
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

// dialed is a connection whose events come on a channel.
func dialed(t *testing.T, url string) (*Conn, chan Event) {
	t.Helper()
	events := make(chan Event, 16)
	c := Dial(url, func(e Event) { events <- e })
	t.Cleanup(func() {
		c.Close(1000, "")
		c.Wait()
	})
	return c, events
}

func want[E Event](t *testing.T, events chan Event) E {
	t.Helper()
	e, ok := (<-events).(E)
	if !ok {
		t.Fatalf("got another event than %T: %+v", e, e)
	}
	return e
}

func TestMessagesBothWays(t *testing.T) {
	frame := (&millpond.Batch{Subscription: 7, LastOffset: 3, MaxOffset: 3, Live: true, Records: []byte{1, 2}}).AppendFrame(nil)
	url := serve(t, func(ws *websocket.Conn) {
		ctx := context.Background()
		_, text, err := ws.Read(ctx)
		if err != nil || string(text) != `{"type":"ping","nonce":1}` {
			t.Errorf("the server got %s, %v", text, err)
		}
		ws.Write(ctx, websocket.MessageText, millpond.MarshalMessage(&millpond.Pong{Nonce: 1}))
		ws.Write(ctx, websocket.MessageBinary, frame)
		ws.Close(4503, "going away")
	})
	c, events := dialed(t, url)
	want[Opened](t, events)
	c.Send(&millpond.Ping{Nonce: 1})
	if m := want[Message](t, events); *m.Message.(*millpond.Pong) != (millpond.Pong{Nonce: 1}) {
		t.Errorf("got %+v", m)
	}
	if b := want[Batch](t, events); b.Bytes != len(frame) || b.Batch.Subscription != 7 || string(b.Batch.Records) != "\x01\x02" {
		t.Errorf("got %+v", b)
	}
	if e := want[Closed](t, events); e.Code != 4503 || !strings.Contains(e.Err.Error(), "going away") {
		t.Errorf("got %+v", e)
	}
}

func TestLargestMessages(t *testing.T) {
	records := make([]byte, millpond.MaxFrameBytes-millpond.MaxBatchHeaderBytes)
	url := serve(t, func(ws *websocket.Conn) {
		ctx := context.Background()
		ws.SetReadLimit(millpond.MaxMessageBytes)
		_, text, err := ws.Read(ctx)
		if err != nil || len(text) < millpond.MaxBatchBytes {
			t.Errorf("the server got %d bytes, %v", len(text), err)
		}
		ws.Write(ctx, websocket.MessageBinary, (&millpond.Batch{Subscription: 1, Records: records}).AppendFrame(nil))
		ws.Write(ctx, websocket.MessageBinary, (&millpond.Batch{Subscription: 1, Records: append(records, records...)}).AppendFrame(nil))
		ws.Read(ctx)
	})
	c, events := dialed(t, url)
	want[Opened](t, events)
	c.Send(&millpond.Append{ID: 1, Events: []byte(`["` + strings.Repeat("x", millpond.MaxBatchBytes) + `"]`)})
	if b := want[Batch](t, events); len(b.Batch.Records) != len(records) {
		t.Errorf("got %d bytes", len(b.Batch.Records))
	}
	if e := want[Closed](t, events); !strings.Contains(e.Err.Error(), "over the limit") {
		t.Errorf("got %+v", e)
	}
}

func TestMalformedMessageCloses(t *testing.T) {
	for name, send := range map[string]func(ws *websocket.Conn){
		"not JSON": func(ws *websocket.Conn) { ws.Write(context.Background(), websocket.MessageText, []byte("hello")) },
		"unknown type": func(ws *websocket.Conn) {
			ws.Write(context.Background(), websocket.MessageText, []byte(`{"type":"x"}`))
		},
		"frame": func(ws *websocket.Conn) { ws.Write(context.Background(), websocket.MessageBinary, []byte{9}) },
	} {
		t.Run(name, func(t *testing.T) {
			code := make(chan websocket.StatusCode, 1)
			url := serve(t, func(ws *websocket.Conn) {
				send(ws)
				_, _, err := ws.Read(context.Background())
				code <- websocket.CloseStatus(err)
			})
			_, events := dialed(t, url)
			want[Opened](t, events)
			if e := want[Closed](t, events); e.Code != 0 || e.Err == nil {
				t.Errorf("got %+v", e)
			}
			if got := <-code; got != 4400 {
				t.Errorf("the server got close code %d", got)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for status, code := range map[int]int{401: 4401, 403: 4403, 404: 0, 503: 0} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		_, events := dialed(t, "ws"+strings.TrimPrefix(server.URL, "http"))
		if e := want[Closed](t, events); e.Code != code || e.Err == nil {
			t.Errorf("HTTP status %d: got %+v", status, e)
		}
		server.Close()
	}
}

func TestOtherSubprotocol(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ws, err := websocket.Accept(w, r, nil); err == nil {
			ws.Read(r.Context())
		}
	}))
	t.Cleanup(server.Close)
	_, events := dialed(t, "ws"+strings.TrimPrefix(server.URL, "http"))
	if e := want[Closed](t, events); !errors.Is(e.Err, errSubprotocol) {
		t.Errorf("got %+v", e)
	}
}

func TestCloseGivesTheDialUp(t *testing.T) {
	arrived, leave := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-leave
	}))
	defer server.Close()
	defer close(leave)
	c, events := dialed(t, "ws"+strings.TrimPrefix(server.URL, "http"))
	<-arrived
	c.Close(1000, "")
	if e := want[Closed](t, events); !errors.Is(e.Err, context.Canceled) {
		t.Errorf("got %+v", e)
	}
}

// A server that never answers the close, because it does not read, does not hold Wait for longer than closeTimeout.
func TestCloseOfDeafServer(t *testing.T) {
	leave := make(chan struct{})
	url := serve(t, func(*websocket.Conn) { <-leave })
	defer close(leave)
	c, events := dialed(t, url)
	want[Opened](t, events)
	c.Close(1000, "bye")
	c.Wait()
	want[Closed](t, events)
}

// While deliver does not return nothing more is read: TCP holds the server back.
func TestBackPressure(t *testing.T) {
	message := millpond.MarshalMessage(&millpond.Goaway{Reason: strings.Repeat("x", 1<<20)})
	held := make(chan bool, 1)
	url := serve(t, func(ws *websocket.Conn) {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		for range 64 {
			if ws.Write(ctx, websocket.MessageText, message) != nil {
				held <- true
				return
			}
		}
		held <- false
	})
	proceed := make(chan struct{})
	c := Dial(url, func(e Event) {
		if _, ok := e.(Message); ok {
			<-proceed
		}
	})
	if !<-held {
		t.Error("the server could send 64 MiB to a client that does not take them")
	}
	close(proceed)
	c.Close(1000, "")
	c.Wait()
}

func TestSendingTooMuchCloses(t *testing.T) {
	leave := make(chan struct{})
	url := serve(t, func(*websocket.Conn) { <-leave }) // reads nothing
	defer close(leave)
	c, events := dialed(t, url)
	want[Opened](t, events)
	big := &millpond.Append{ID: 1, Events: []byte(`["` + strings.Repeat("x", 4<<20) + `"]`)}
	for range 2 * maxSendBytes / (4 << 20) {
		c.Send(big)
	}
	want[Closed](t, events)
}
