package worker

import (
	"context"
	"sync"
	"syscall/js"

	"github.com/millpond-dev/millpond"
)

// tokens asks the tab that has started this worker for tokens. The host answers by a number, so that an answer that nobody
// waits for any more finds nobody.
type tokens struct {
	host js.Value

	mu      sync.Mutex
	last    int
	waiting map[int]chan<- token
}

type token struct {
	text string
	err  error
}

func newTokens(host js.Value) *tokens {
	t := &tokens{host: host, waiting: make(map[int]chan<- token)}
	host.Set("gotToken", js.FuncOf(func(_ js.Value, args []js.Value) any {
		answer := token{text: args[1].String()}
		if code := args[2].String(); code != "" {
			answer = token{err: &millpond.Error{Code: millpond.ErrorCode(code), Message: args[3].String()}}
		}
		if ch := t.take(args[0].Int()); ch != nil {
			ch <- answer // has room
		}
		return nil
	}))
	return t
}

// get is a mirror.Options.Token.
func (t *tokens) get(ctx context.Context, fresh bool) (string, error) {
	ch := make(chan token, 1)
	t.mu.Lock()
	t.last++
	id := t.last
	t.waiting[id] = ch
	t.mu.Unlock()
	t.host.Call("getToken", id, fresh)
	select {
	case answer := <-ch:
		return answer.text, answer.err
	case <-ctx.Done():
		t.take(id)
		return "", ctx.Err()
	}
}

func (t *tokens) take(id int) chan<- token {
	t.mu.Lock()
	defer t.mu.Unlock()
	ch := t.waiting[id]
	delete(t.waiting, id)
	return ch
}
