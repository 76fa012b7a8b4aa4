package mirror

import (
	"context"
	"errors"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/session"
)

// FixedToken is an [Options.Token] for a token that there is no other of: when the server refuses it, the mirror stops.
func FixedToken(token string) func(context.Context, bool) (string, error) {
	return func(_ context.Context, fresh bool) (string, error) {
		if fresh {
			return "", &millpond.Error{Code: millpond.Unauthenticated, Message: "the server has refused the token: open the mirror with another one"}
		}
		return token, nil
	}
}

// getToken asks for a token, away from the loop.
func (l *loop) getToken(ask session.GetToken) {
	ctx, cancel := context.WithCancel(l.mirror.ctx)
	l.cancelToken = cancel
	l.asking.Go(func() {
		defer cancel()
		token, err := l.mirror.options.Token(ctx, ask.Fresh)
		if err == nil && token == "" {
			err = errors.New("it is empty")
		}
		l.mirror.chores.add(func(l *loop) { l.step(session.GotToken{Epoch: ask.Epoch, Token: token, Err: err}) })
	})
}

// close closes the connection of an epoch, or gives up what leads to it.
func (l *loop) close(e session.Close) {
	l.cancelToken()
	if c := l.conns[e.Epoch]; c != nil {
		c.Close(e.Code, e.Reason)
	}
}
