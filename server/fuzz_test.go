package server

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
)

// scriptedSocket is a client that sends lines as messages, and goes away. It checks what it is sent.
type scriptedSocket struct {
	t      *testing.T
	lines  [][]byte
	closed websocket.StatusCode // the first; 0: not
	failed *millpond.ErrorMessage
}

func (s *scriptedSocket) Reader(context.Context) (websocket.MessageType, io.Reader, error) {
	if len(s.lines) == 0 {
		return 0, nil, io.EOF
	}
	line := s.lines[0]
	s.lines = s.lines[1:]
	return websocket.MessageText, bytes.NewReader(line), nil
}

func (s *scriptedSocket) Write(_ context.Context, kind websocket.MessageType, head, body []byte) error {
	b := append(head, body...)
	if kind == websocket.MessageBinary {
		if _, err := millpond.DecodeBatch(b); err != nil {
			s.t.Errorf("sent a frame that is none: %v", err)
		}
		return nil
	}
	m, err := millpond.UnmarshalMessage(b)
	if err != nil {
		s.t.Errorf("sent a message that is none: %v: %s", err, b)
	}
	if e, ok := m.(*millpond.ErrorMessage); ok && e.Request == 0 && e.Subscription == 0 {
		s.failed = e
	}
	return nil
}

func (s *scriptedSocket) Close(code websocket.StatusCode, reason string) error {
	if s.closed == 0 {
		s.closed = code
	}
	if len(reason) > maxCloseReasonBytes {
		s.t.Errorf("a close reason of %d bytes", len(reason))
	}
	return nil
}

func (s *scriptedSocket) CloseNow() error     { return nil }
func (s *scriptedSocket) Subprotocol() string { return millpond.Subprotocol }

// FuzzWebsocket sends any lines as messages after a hello: the server answers well-formed messages, closes with the code
// of the error that it has named, and nothing of the connection stays.
func FuzzWebsocket(f *testing.F) {
	for _, seed := range []string{
		`{"type":"subscribe","id":1,"stream":{"namespace":"default","path":"/x"},"after":0,"credit":1000}` + "\n" +
			`{"type":"credit","id":1,"bytes":1000}` + "\n" + `{"type":"unsubscribe","id":1}`,
		`{"type":"append","id":1,"stream":{"namespace":"default","path":"/x"},"events":[{"type":"a","payload":1}]}`,
		`{"type":"append","id":1,"stream":{"namespace":"default","path":"/x"},"events":{"type":"a"}}`,
		`{"type":"ping","nonce":1}` + "\n" + `{"type":"pong","nonce":1}`,
		`{"type":"hello","client":"x"}`, `{"type":"welcome"}`, `{`, "", `[]`, `{"type":"subscribe","id":0}`,
	} {
		f.Add([]byte(seed))
	}
	ts := start(f, Options{})
	f.Fuzz(func(t *testing.T, script []byte) {
		socket := &scriptedSocket{t: t, lines: append([][]byte{[]byte(`{"type":"hello","client":"fuzz"}`)}, bytes.Split(script, []byte("\n"))...)}
		c := newClient(ts.server, socket, "", httptest.NewRequest("GET", "/api/ws", nil))
		c.run()
		switch {
		case socket.failed == nil && socket.closed != 0:
			t.Errorf("closed with %d without saying why", socket.closed)
		case socket.failed != nil && int(socket.closed) != socket.failed.Code.CloseCode():
			t.Errorf("closed with %d after %+v", socket.closed, socket.failed)
		}
		if n := len(c.subscriptions); n != 0 {
			t.Errorf("%d subscriptions stay", n)
		}
		if n := ts.server.connections(); n != 0 {
			t.Errorf("%d connections stay", n)
		}
	})
}

// FuzzHTTP sends any request to the API: the answer is never the server's fault, and an error is a problem.
func FuzzHTTP(f *testing.F) {
	f.Add("POST", "/api/streams/default/x", "", []byte(`{"type":"a","payload":{"b":1}}`))
	f.Add("POST", "/api/streams/default/x", "", []byte(`[{"type":"a","offset":3},{"type":"b","idempotencyKey":"k"}]`))
	f.Add("GET", "/api/streams/default/x", "after=1&before=9&limit=5&types=a,b", []byte(nil))
	f.Add("GET", "/api/streams/default/x", "offset=1", []byte(nil))
	f.Add("GET", "/api/state/default/x", "", []byte(nil))
	f.Add("POST", "/api/control/default/x", "", []byte(`{"action":"kill"}`))
	f.Add("GET", "/streams/x", "", []byte(nil))
	ts := start(f, Options{UI: testUI})
	handler := ts.server.Handler()
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte) {
		path = "/" + strings.TrimPrefix(path, "/") // net/http takes no other
		req := httptest.NewRequest("GET", "/", bytes.NewReader(body))
		req.Method, req.URL = method, &url.URL{Path: path, RawQuery: query}
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, req)
		res := rec.Result()
		if res.StatusCode >= 500 {
			t.Errorf("%s %q ? %q: %s: %s", method, path, query, res.Status, rec.Body)
		}
		if res.StatusCode >= 400 && method != http.MethodHead {
			(response{res, rec.Body.String()}).problem(t)
		}
	})
}
