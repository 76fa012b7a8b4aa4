//go:build !js

package conn

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
)

type nativeSocket struct{ ws *websocket.Conn }

// client keeps no connection open that was not made a websocket.
var client = &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}

func dial(ctx context.Context, url string) (socket, error) { return dialWith(ctx, client, url) }

func dialWith(ctx context.Context, client *http.Client, url string) (socket, error) {
	ws, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{millpond.Subprotocol}})
	if err != nil {
		if resp != nil && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) {
			return nil, &closeError{4000 + resp.StatusCode, "refused: " + resp.Status}
		}
		return nil, err
	}
	if ws.Subprotocol() != millpond.Subprotocol {
		ws.CloseNow()
		return nil, errSubprotocol
	}
	ws.SetReadLimit(maxReadBytes)
	return nativeSocket{ws}, nil
}

func (s nativeSocket) read(ctx context.Context) (bool, []byte, error) {
	kind, data, err := s.ws.Read(ctx)
	var remote websocket.CloseError
	if errors.As(err, &remote) {
		err = &closeError{int(remote.Code), remote.Reason}
	} else if err != nil {
		err = fmt.Errorf("the connection was lost: %w", err)
	}
	return kind == websocket.MessageBinary, data, err
}

func (s nativeSocket) write(ctx context.Context, text []byte) error {
	return s.ws.Write(ctx, websocket.MessageText, text)
}

func (s nativeSocket) close(code int, reason string) { s.ws.Close(websocket.StatusCode(code), reason) }
