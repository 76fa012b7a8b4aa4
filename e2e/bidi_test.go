package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// maxBiDiBytes bounds a message of the browser: the output of a test is in one.
const maxBiDiBytes = 64 << 20

// bidi is a session of WebDriver BiDi, by which Firefox is driven: https://w3c.github.io/webdriver-bidi/.
type bidi struct {
	conn *websocket.Conn

	mu      sync.Mutex
	last    int // id of the last command
	waiting map[int]chan bidiAnswer
	over    error
}

type bidiCommand struct {
	ID     int    `json:"id"`
	Method string `json:"method"`
	Params any    `json:"params"`
}

type bidiAnswer struct {
	Type    string          `json:"type"` // success, error or event
	ID      int             `json:"id"`
	Result  json.RawMessage `json:"result"`
	Error   string          `json:"error"`
	Message string          `json:"message"`
}

// dialBiDi starts a session. It ends with the connection.
func dialBiDi(ctx context.Context, url string) (*bidi, error) {
	conn, _, err := websocket.Dial(ctx, url+"/session", nil)
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(maxBiDiBytes)
	b := &bidi{conn: conn, waiting: make(map[int]chan bidiAnswer)}
	go b.read()
	return b, b.call(ctx, "session.new", map[string]any{"capabilities": map[string]any{}}, nil)
}

// read hands over answers until the connection ends.
func (b *bidi) read() {
	for {
		var a bidiAnswer
		err := wsjson.Read(context.Background(), b.conn, &a)
		b.mu.Lock()
		if err != nil {
			b.over = fmt.Errorf("the browser's session is over: %w", err)
			for _, answer := range b.waiting {
				close(answer)
			}
			b.waiting = nil
			b.mu.Unlock()
			return
		}
		answer := b.waiting[a.ID]
		delete(b.waiting, a.ID)
		b.mu.Unlock()
		if answer != nil { // else it is an event
			answer <- a
		}
	}
}

// call sends a command, and decodes the result of its answer.
func (b *bidi) call(ctx context.Context, method string, params, result any) error {
	answer := make(chan bidiAnswer, 1)
	b.mu.Lock()
	if b.over != nil {
		b.mu.Unlock()
		return b.over
	}
	b.last++
	id := b.last
	b.waiting[id] = answer
	b.mu.Unlock()
	if err := wsjson.Write(ctx, b.conn, bidiCommand{id, method, params}); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case a, ok := <-answer:
		switch {
		case !ok:
			return fmt.Errorf("%s: %w", method, b.over)
		case a.Type != "success":
			return fmt.Errorf("%s: %s: %s", method, a.Error, a.Message)
		case result == nil:
			return nil
		}
		return json.Unmarshal(a.Result, result)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}
