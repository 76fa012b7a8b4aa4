package conn

import (
	"runtime"
	"strings"
	"syscall/js"
	"testing"

	"github.com/millpond-dev/millpond"
)

// fake is a WebSocket class in the place of the browser's, with the rules of the standard that matter here. It runs in Node:
// GOOS=js GOARCH=wasm go test -exec "$(go env GOROOT)/lib/wasm/go_js_wasm_exec" ./mirror/conn
const fake = `
globalThis.lastSocket = undefined;
globalThis.WebSocket = class {
	constructor(url, protocol) {
		if (url === "blocked:") throw new DOMException("not allowed", "SecurityError");
		this.protocol = protocol; this.sent = [];
		globalThis.lastSocket = this;
	}
	send(data) { this.sent.push(data); }
	close(code, reason) {
		if (code !== 1000 && (code < 3000 || code > 4999)) throw new DOMException("bad code", "InvalidAccessError");
		if (new TextEncoder().encode(reason).length > 123) throw new DOMException("reason too long", "SyntaxError");
		this.closed = code + " " + reason;
	}
	handlers() { return ["onopen", "onmessage", "onclose"].filter((name) => this[name]).length; }
}`

// dialFake dials and returns the fake WebSocket and what the connection reports.
func dialFake(t *testing.T, url string) (*Conn, js.Value, chan Event) {
	t.Helper()
	js.Global().Call("eval", fake)
	events := make(chan Event, 16)
	c := Dial(url, func(e Event) { events <- e })
	if url == "blocked:" {
		return c, js.Undefined(), events
	}
	until(func() bool {
		ws := js.Global().Get("lastSocket")
		return ws.Truthy() && ws.Call("handlers").Int() == 3
	})
	return c, js.Global().Get("lastSocket"), events
}

// until lets other goroutines run until the condition holds.
func until(holds func() bool) {
	for !holds() {
		runtime.Gosched()
	}
}

func fire(ws js.Value, handler string, event map[string]any) { ws.Call(handler, js.ValueOf(event)) }

// jsBytes is an ArrayBuffer, as a browser hands a binary message over.
func jsBytes(b []byte) js.Value {
	array := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(array, b)
	return array.Get("buffer")
}

func want[E Event](t *testing.T, events chan Event) E {
	t.Helper()
	e := <-events
	got, ok := e.(E)
	if !ok {
		t.Fatalf("got %T %+v instead of %T", e, e, got)
	}
	return got
}

func TestBrowserMessagesBeforeClose(t *testing.T) {
	c, ws, events := dialFake(t, "ws://server/api/ws")
	fire(ws, "onopen", nil)
	want[Opened](t, events)
	frame := (&millpond.Batch{Subscription: 7, Records: []byte{1, 2}}).AppendFrame(nil)
	fire(ws, "onmessage", map[string]any{"data": jsBytes(frame)})
	fire(ws, "onmessage", map[string]any{"data": `{"type":"error","code":"forbidden","message":"no"}`})
	fire(ws, "onclose", map[string]any{"code": 4403, "reason": "no"})
	if b := want[Batch](t, events); b.Bytes != len(frame) || b.Batch.Subscription != 7 {
		t.Errorf("got %+v", b)
	}
	if m := want[Message](t, events); m.Message.(*millpond.ErrorMessage).Code != millpond.Forbidden {
		t.Errorf("got %+v", m)
	}
	if e := want[Closed](t, events); e.Code != 4403 {
		t.Errorf("got %+v", e)
	}
	c.Wait()
	if n := ws.Call("handlers").Int(); n != 0 {
		t.Errorf("%d handlers are left", n)
	}
}

func TestBrowserSendAndClose(t *testing.T) {
	c, ws, events := dialFake(t, "ws://server/api/ws")
	fire(ws, "onopen", nil)
	want[Opened](t, events)
	c.Send(&millpond.Ping{Nonce: 3})
	until(func() bool { return ws.Get("sent").Length() == 1 })
	if got := ws.Get("sent").Index(0).String(); got != `{"type":"ping","nonce":3}` {
		t.Errorf("sent %s", got)
	}
	c.Close(4503, strings.Repeat("ü", 200))
	c.Wait()
	want[Closed](t, events)
	if got := ws.Get("closed").String(); !strings.HasPrefix(got, "4503 ü") {
		t.Errorf("closed with %q", got)
	}
}

func TestBrowserDialFails(t *testing.T) {
	for name, fail := range map[string]func(c *Conn, ws js.Value){
		"refused":  func(_ *Conn, ws js.Value) { fire(ws, "onclose", map[string]any{"code": 1006, "reason": ""}) },
		"given up": func(c *Conn, _ js.Value) { c.Close(1000, "") },
		"another protocol": func(_ *Conn, ws js.Value) {
			ws.Set("protocol", "")
			fire(ws, "onopen", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, ws, events := dialFake(t, "ws://server/api/ws")
			fail(c, ws)
			if e := want[Closed](t, events); e.Err == nil || e.Code != 0 {
				t.Errorf("got %+v", e)
			}
			c.Wait()
			if n := ws.Call("handlers").Int(); n != 0 {
				t.Errorf("%d handlers are left", n)
			}
		})
	}
	t.Run("not allowed", func(t *testing.T) {
		_, _, events := dialFake(t, "blocked:")
		if e := want[Closed](t, events); !strings.Contains(e.Err.Error(), "not allowed") {
			t.Errorf("got %+v", e)
		}
	})
}

func TestBrowserQueueIsBounded(t *testing.T) {
	_, ws, events := dialFake(t, "ws://server/api/ws")
	fire(ws, "onopen", nil)
	want[Opened](t, events)
	frame := jsBytes((&millpond.Batch{Subscription: 1, Records: make([]byte, millpond.MaxFrameBytes/2)}).AppendFrame(nil))
	for range maxQueuedBytes/(millpond.MaxFrameBytes/2) + 2*cap(events) {
		fire(ws, "onmessage", map[string]any{"data": frame})
	}
	for {
		e := <-events
		if c, ok := e.(Closed); ok {
			if !strings.Contains(c.Err.Error(), "credit") {
				t.Errorf("got %+v", c)
			}
			return
		}
	}
}
