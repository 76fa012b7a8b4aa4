package server

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
)

var subprotocols = []string{millpond.Subprotocol, millpond.SubprotocolJSON}

// serveWebsocket is GET /api/ws: it serves one client until the connection is over.
func (s *Server) serveWebsocket(c echo.Context) error {
	r := c.Request()
	if err := s.guard.checkWebsocket(r); err != nil {
		return err
	}
	if _, err := parseParams(r); err != nil {
		return err
	}
	if !offersSubprotocol(r) {
		return &millpond.Error{Code: millpond.InvalidRequest, Field: "Sec-WebSocket-Protocol",
			Message: "this is a websocket: open it with the subprotocol " + strings.Join(subprotocols, " or ")}
	}
	greeted, err := s.clients.enterWebsocket()
	if err != nil {
		return err
	}
	defer s.clients.exit()
	defer greeted()
	w := &handshakeWriter{ResponseWriter: c.Response()}
	// Origins have been checked. Compression is off: it costs more than it saves on batches this small.
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: subprotocols, InsecureSkipVerify: true})
	if err != nil {
		if w.hijacked {
			return nil // there is nobody to tell
		}
		return &millpond.Error{Code: millpond.InvalidRequest, Message: err.Error()}
	}
	ws.SetReadLimit(-1) // the client has its own
	client := newClient(s, &websocketSocket{ws, w.wire}, c.Response().Header().Get(requestIDHeader), r)
	client.greeted = greeted
	client.run()
	return nil
}

func offersSubprotocol(r *http.Request) bool {
	for _, value := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offer := range strings.SplitSeq(value, ",") {
			offer = strings.TrimSpace(offer)
			if offer == millpond.Subprotocol || offer == millpond.SubprotocolJSON {
				return true
			}
		}
	}
	return false
}

// websocketSocket is read by package websocket, and written to by the wire.
type websocketSocket struct {
	*websocket.Conn
	wire *wire
}

func (s *websocketSocket) Write(ctx context.Context, kind websocket.MessageType, head, body []byte) error {
	return s.wire.send(ctx, kind, head, body)
}

// handshakeWriter keeps back the plain text with which package websocket refuses a handshake: a problem is sent instead.
type handshakeWriter struct {
	http.ResponseWriter
	hijacked bool
	wire     *wire
}

func (w *handshakeWriter) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *handshakeWriter) Write(b []byte) (int, error) { return len(b), nil }

func (w *handshakeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h, ok := w.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, fmt.Errorf("%T cannot be hijacked", w.ResponseWriter)
	}
	w.hijacked = true
	c, buffered, err := h.Hijack()
	if err != nil {
		return nil, nil, err
	}
	c, buffered = websocketOn(c, buffered)
	w.wire = c.(*wire)
	return c, buffered, nil
}
