package access

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store/memory"
	"github.com/millpond-dev/millpond/server/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var stream1 = millpond.Name{Namespace: millpond.DefaultNamespace, Path: "/x"}

// inBubble runs a test with the streams of an identity that expires in a second and a half.
func inBubble(t *testing.T, limits Limits, test func(t *testing.T, s *Streams)) {
	synctest.Test(t, func(t *testing.T) {
		e, err := stream.Open(stream.Options{Store: memory.New(memory.Options{}), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		g := NewGate(e, Options{Limits: limits, Authenticate: func(context.Context, Credentials) (Identity, error) {
			return Identity{Subject: "me", Expires: time.Now().Add(1500 * time.Millisecond)}, nil
		}})
		s, err := g.Authenticate(t.Context(), Credentials{})
		if err != nil {
			t.Fatal(err)
		}
		test(t, s)
		if err := g.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func some(n int) []millpond.Input {
	inputs := make([]millpond.Input, n)
	for i := range inputs {
		inputs[i] = millpond.Input{Type: "a"}
	}
	return inputs
}

// An append that waits for its turn is refused when the identity expires meanwhile; one that nobody waits for any more, and one that is
// refused, leave their turn to others.
func TestTurns(t *testing.T) {
	inBubble(t, Limits{EventsPerSecond: 1000}, func(t *testing.T, s *Streams) {
		own := s.OfConnection()
		if _, err := own.Append(t.Context(), stream1, some(1000)); err != nil { // the bucket has 2000
			t.Fatal(err)
		}
		if _, err := own.Append(t.Context(), stream1, some(1000)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := own.Append(ctx, stream1, some(900)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an append that nobody waits for: %v", err)
		}
		if _, err := s.Append(t.Context(), stream1, some(900)); !errors.Is(err, millpond.RateLimited) { // a request of its own does not wait
			t.Errorf("an append that does not wait: %v", err)
		}
		if _, err := own.Append(t.Context(), stream1, some(500)); err != nil || time.Since(began) != 500*time.Millisecond {
			t.Errorf("%v after %v, want after half a second, as if the others had not been", err, time.Since(began))
		}
		if _, err := own.Append(t.Context(), stream1, some(1000)); !errors.Is(err, millpond.Unauthenticated) || time.Since(began) != 1500*time.Millisecond {
			t.Errorf("an append whose identity has expired before its turn: %v after %v", err, time.Since(began))
		}
	})
}

// A subscription counts once, however often it is closed, and in whichever way.
func TestSubscriptionCountsOnce(t *testing.T) {
	inBubble(t, Limits{}, func(t *testing.T, s *Streams) {
		open := func() *Subscription {
			sub, err := s.Subscribe(t.Context(), stream1, stream.SubscribeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return sub
		}
		a, b, c := open(), open(), open()
		if got := s.gate.Used("me").Subscriptions; got != 3 {
			t.Errorf("%d subscriptions are counted, want 3", got)
		}
		a.Close()
		a.Close()
		b.CloseBecause(millpond.DisconnectConnectionBroken)
		b.CloseBecause(millpond.DisconnectUnsubscribed)
		if got := s.gate.Used("me").Subscriptions; got != 1 {
			t.Errorf("%d subscriptions are counted, want 1", got)
		}
		c.Close()
		if got := s.gate.Used("me"); got != (Used{}) {
			t.Errorf("%+v is left", got)
		}
	})
}
