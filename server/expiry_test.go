package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// A websocket is closed when its identity expires, at once, and its subscriptions deliver nothing after that.
func TestExpiryClosesWebsocket(t *testing.T) {
	inBubbleWith(t, 64<<10, Options{
		Authenticate: func(context.Context, access.Credentials) (access.Identity, error) {
			return access.Identity{Subject: "me", Expires: time.Now().Add(time.Minute)}, nil
		},
	}, func(t *testing.T, s *Server, n *fakeNet) {
		begin := time.Now()
		p := connectFake(t, n)
		p.hello()
		name := millpond.Name{Namespace: "default", Path: "/x"}
		p.send(&millpond.Subscribe{ID: 1, Stream: name, Credit: 1 << 20})
		receive[*millpond.Resume](p)
		for {
			m := p.next()
			if ping, ok := m.(*millpond.Ping); ok {
				p.send(&millpond.Pong{Nonce: ping.Nonce})
				continue
			}
			if e, ok := m.(*millpond.ErrorMessage); !ok || e.Code != millpond.Unauthenticated || e.Subscription != 0 {
				t.Errorf("received %+v", m)
			}
			break
		}
		if lasted := time.Since(begin); lasted != time.Minute {
			t.Errorf("lasted %v", lasted)
		}
		s.appendSome(t, name, `1`)
		p.closed(4401)
	})
}

// Revoke closes the websockets of those that match, and only theirs.
func TestRevoke(t *testing.T) {
	ts := start(t, (&door{}).options())
	open := func(token string) *peer {
		p, _, err := ts.dial(t, millpond.Subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		p.send(&millpond.Hello{Client: "test", Token: token})
		receive[*millpond.Welcome](p)
		return p
	}
	a, b, again := open("a"), open("b"), open("a")
	if n := ts.server.Revoke(func(who access.Identity) bool { return who.Subject == "a" }); n != 2 {
		t.Errorf("%d were ended", n)
	}
	for _, p := range []*peer{a, again} {
		if e := receive[*millpond.ErrorMessage](p); e.Code != millpond.Unauthenticated {
			t.Errorf("%+v", e)
		}
		p.closed(websocket.StatusCode(millpond.Unauthenticated.CloseCode()))
	}
	b.send(&millpond.Ping{Nonce: 1})
	receive[*millpond.Pong](b)
}

// A revocation while somebody is being authenticated is not lost: that one is authenticated once more.
func TestRevokeWhileAuthenticating(t *testing.T) {
	var ts *testServer
	var locked atomic.Bool
	ts = start(t, Options{Authenticate: func(context.Context, access.Credentials) (access.Identity, error) {
		if locked.Load() {
			return access.Identity{}, millpond.Unauthenticated
		}
		locked.Store(true) // right after it was looked up
		ts.server.Revoke(func(access.Identity) bool { return true })
		return access.Identity{Subject: "me"}, nil
	}})
	for i, want := range []millpond.ErrorCode{millpond.Unavailable, millpond.Unauthenticated} {
		p, _, err := ts.dial(t, millpond.Subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		p.send(&millpond.Hello{Client: "test", Token: "x"})
		for {
			m := p.next()
			if _, ok := m.(*millpond.Welcome); ok {
				continue
			}
			if e, ok := m.(*millpond.ErrorMessage); !ok || e.Code != want {
				t.Errorf("attempt %d: %+v", i, m)
			}
			break
		}
		p.closed(websocket.StatusCode(want.CloseCode()))
	}
}

// An identity that has expired may do nothing more, whatever it holds on to.
func TestExpiredMayDoNothing(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{Data: dir, Logger: slog.New(slog.DiscardHandler), Authenticate: func(context.Context, access.Credentials) (access.Identity, error) {
			return access.Identity{Expires: time.Now().Add(time.Second)}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(context.Background())
		ctx, name := context.Background(), millpond.Name{Namespace: "default", Path: "/x"}
		streams, err := s.gate.Authenticate(ctx, access.Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		last, stop, err := streams.Last(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		_, before := streams.Append(ctx, name, []millpond.Input{{Type: "a"}})
		<-last.Done()
		_, after := streams.Append(ctx, name, []millpond.Input{{Type: "a"}})
		if before != nil || fmt.Sprint(access.Ended(last)) != fmt.Sprint(after) || access.Ended(last).Code != millpond.Unauthenticated {
			t.Errorf("before: %v; after: %v; ended: %v", before, after, access.Ended(last))
		}
	})
}
