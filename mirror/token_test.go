//go:build !js

package mirror

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// A mirror whose token the server refuses asks for a fresh one, and goes on with it where it was.
func TestFreshToken(t *testing.T) {
	f := newFakeServer(t)
	asked := make(chan bool, 10)
	m := open(t, f, Options{Token: func(_ context.Context, fresh bool) (string, error) {
		asked <- fresh
		if fresh {
			f.change(func() { f.refuse = nil })
			return "second", nil
		}
		return "first", nil
	}})
	stream(t, m, pond)
	f.add(pond, 3, "n")
	until(t, m, caughtUp(pond, 5))
	first := await[*millpond.Hello](f, 1)
	if fresh := <-asked; fresh {
		t.Error("the first token was to be a fresh one")
	}
	f.change(func() {
		f.refuse = &millpond.ErrorMessage{Code: millpond.Unauthenticated, Message: "expired"}
		for c := range f.conns {
			c.send(f.refuse)
		}
	})
	if fresh := <-asked; !fresh {
		t.Error("a kept token would do after one that was refused")
	}
	f.add(pond, 1, "n")
	until(t, m, caughtUp(pond, 6))
	if second := await[*millpond.Hello](f, 2); first.Token != "first" || second.Token != "second" {
		t.Errorf("showed %q, then %q", first.Token, second.Token)
	}
}

// While no token can be had the mirror says so; when nobody is logged in it stops, until it is told to try again.
func TestNoToken(t *testing.T) {
	f := newFakeServer(t)
	answers := make(chan error, 1)
	m := open(t, f, Options{Token: func(ctx context.Context, _ bool) (string, error) {
		select {
		case err := <-answers:
			return "x", err
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}})
	answers <- errors.New("the issuer is not there")
	s := until(t, m, func(s Status) bool { return s.Connection == Reconnecting })
	if s.LastError.Code != millpond.Unavailable || s.LastError.Message != "no token: the issuer is not there" || s.RetryAt.IsZero() {
		t.Errorf("%+v %+v", s, s.LastError)
	}
	answers <- &millpond.Error{Code: millpond.Unauthenticated, Message: "log in"}
	s = until(t, m, func(s Status) bool { return s.Connection == Stopped })
	if s.LastError.Code != millpond.Unauthenticated || s.LastError.Message != "log in" {
		t.Errorf("%+v", s.LastError)
	}
	m.Reconnect()
	answers <- nil
	until(t, m, func(s Status) bool { return s.Connection == Connected })
}

// A mirror that is closed gives up a token that it waits for.
func TestCloseWhileAskingForToken(t *testing.T) {
	f := newFakeServer(t)
	asked := make(chan struct{})
	m := open(t, f, Options{Token: func(ctx context.Context, _ bool) (string, error) {
		close(asked)
		<-ctx.Done()
		return "", ctx.Err()
	}})
	<-asked
	begin := time.Now()
	if err := m.Close(); err != nil || time.Since(begin) > 30*time.Second {
		t.Errorf("closed with %v", err)
	}
}
