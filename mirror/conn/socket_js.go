package conn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall/js"

	"github.com/millpond-dev/millpond"
)

// browserSocket is a WebSocket of the browser. Its event handlers run while Go waits for the event loop: they must not
// wait for anything, so they only queue.
type browserSocket struct {
	ws       js.Value
	handlers map[string]js.Func
	changed  chan struct{} // of capacity 1: something below has changed

	mu    sync.Mutex
	open  bool
	queue []received
	bytes int
	err   error // why no more comes
}

type received struct {
	binary bool
	data   []byte
}

func dial(ctx context.Context, url string) (_ socket, err error) {
	defer func() { // the constructor throws on a URL that is not allowed here
		if thrown, ok := recover().(js.Error); ok {
			err = fmt.Errorf("the browser refused to connect: %w", thrown)
		}
	}()
	s := &browserSocket{
		ws:      js.Global().Get("WebSocket").New(url, millpond.Subprotocol),
		changed: make(chan struct{}, 1),
	}
	s.ws.Set("binaryType", "arraybuffer")
	s.handlers = map[string]js.Func{
		"onopen":    js.FuncOf(func(js.Value, []js.Value) any { s.begin(); return nil }),
		"onmessage": js.FuncOf(func(_ js.Value, args []js.Value) any { s.receive(args[0].Get("data")); return nil }),
		"onclose": js.FuncOf(func(_ js.Value, args []js.Value) any {
			s.end(&closeError{args[0].Get("code").Int(), args[0].Get("reason").String()})
			return nil
		}),
	}
	for name, handler := range s.handlers {
		s.ws.Set(name, handler)
	}
	select {
	case <-s.changed:
	case <-ctx.Done():
		s.close(1000, "")
		return nil, ctx.Err()
	}
	if !s.isOpen() {
		s.release()
		return nil, errors.New("the server could not be reached, or refused the connection") // a browser does not tell which
	}
	if s.ws.Get("protocol").String() != millpond.Subprotocol {
		s.close(1000, "")
		return nil, errSubprotocol
	}
	return s, nil
}

func (s *browserSocket) begin() {
	s.mu.Lock()
	s.open = true
	s.mu.Unlock()
	s.signal()
}

func (s *browserSocket) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

func (s *browserSocket) receive(data js.Value) {
	var r received
	if data.Type() == js.TypeString {
		r.data = []byte(data.String())
	} else {
		view := js.Global().Get("Uint8Array").New(data)
		r = received{binary: true, data: make([]byte, view.Length())}
		js.CopyBytesToGo(r.data, view)
	}
	if len(r.data) > maxReadBytes {
		s.end(fmt.Errorf("a message of %d bytes is over the limit of %d", len(r.data), maxReadBytes))
		return
	}
	s.mu.Lock()
	s.queue = append(s.queue, r)
	s.bytes += len(r.data)
	over := s.bytes > maxQueuedBytes
	s.mu.Unlock()
	if over {
		s.end(errors.New("the server sent more than the credit that it was given"))
		return
	}
	s.signal()
}

// end says that no more comes; the first error counts.
func (s *browserSocket) end(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	s.signal()
}

func (s *browserSocket) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *browserSocket) read(ctx context.Context) (bool, []byte, error) {
	for {
		s.mu.Lock()
		if len(s.queue) > 0 {
			r := s.queue[0]
			s.queue[0] = received{}
			s.queue = s.queue[1:]
			s.bytes -= len(r.data)
			s.mu.Unlock()
			return r.binary, r.data, nil
		}
		err := s.err
		s.mu.Unlock()
		if err != nil {
			return false, nil, err
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return false, nil, errors.New("the connection was closed")
		}
	}
}

// write never waits: the browser queues without bound. What a session has unanswered is bounded.
func (s *browserSocket) write(_ context.Context, text []byte) error {
	s.ws.Call("send", string(text))
	return nil
}

// close does not wait for the other side: a browser does that on its own.
func (s *browserSocket) close(code int, reason string) {
	s.release()
	s.ws.Call("close", code, reason)
}

func (s *browserSocket) release() {
	for name, handler := range s.handlers {
		s.ws.Set(name, js.Null())
		handler.Release()
	}
	s.handlers = nil
}
