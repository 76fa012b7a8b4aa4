package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/stream"
)

// Options configure a Gate.
type Options struct {
	Authenticate Authenticate // nil: everybody is nobody in particular
	Authorize    Authorize    // nil: whoever is let in may do everything
	Limits       Limits
}

// Gate keeps the engine behind it. All of it may be used concurrently.
type Gate struct {
	options Options
	engine  *stream.Engine
	quotas  *quotas

	mu          sync.Mutex
	live        map[*lasting]struct{} // +checklocks:mu
	revocations uint64                // +checklocks:mu // calls of Revoke so far
}

// NewGate puts the engine behind a gate, which closes it.
func NewGate(engine *stream.Engine, options Options) *Gate {
	options.Limits = options.Limits.WithDefaults()
	return &Gate{options: options, engine: engine, quotas: newQuotas(options.Limits), live: map[*lasting]struct{}{}}
}

// Close closes the engine.
func (g *Gate) Close(ctx context.Context) error { return g.engine.Close(ctx) }

// Trusted is the streams for the program itself: all of them, without limits.
func (g *Gate) Trusted() *Streams { return &Streams{gate: g, trusted: true} }

// Authenticate is the streams as who shows the credentials may use them.
func (g *Gate) Authenticate(ctx context.Context, c Credentials) (*Streams, error) {
	s := &Streams{gate: g, asOf: g.revoked()}
	if g.options.Authenticate == nil {
		return s, nil
	}
	if len(c.Token) > MaxTokenBytes {
		return nil, errTokenTooBig
	}
	var err error
	if s.who, err = g.options.Authenticate(ctx, c); err != nil {
		return nil, told(err, func(code millpond.ErrorCode) error {
			switch {
			case code == millpond.Unauthenticated && c.Token == "":
				return errNoToken
			case code == millpond.Unauthenticated:
				return errNotKnown
			}
			return refused(code)
		})
	}
	if n := len(s.who.Subject); n > MaxSubjectBytes {
		return nil, fmt.Errorf("authenticate: a subject of %d bytes is over the limit of %d", n, MaxSubjectBytes)
	}
	return s, s.expired()
}

func (g *Gate) revoked() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.revocations
}

// Revoke ends everything lasting of the identities that match, with [millpond.Unauthenticated], and returns how many that
// were: a websocket is closed, a response that follows a stream ends. It is for when a user has been locked out or has
// lost rights: the client comes back, and Authenticate and Authorize decide anew. Call it after they have learnt of
// it: whoever is being authenticated meanwhile is authenticated once more.
func (g *Gate) Revoke(match func(Identity) bool) (ended int) {
	g.mu.Lock()
	g.revocations++
	all := make([]*lasting, 0, len(g.live))
	for l := range g.live {
		all = append(all, l)
	}
	g.mu.Unlock()
	for _, l := range all {
		if match(l.who) {
			l.cancel(&endError{errRevoked})
			ended++
		}
	}
	return ended
}

// lasting is something that outlives a request and its answer.
type lasting struct {
	who    Identity
	cancel context.CancelCauseFunc
}

// Limits are those in force.
func (g *Gate) Limits() Limits { return g.options.Limits }

// Last counts a connection, and returns a context for it: it ends when ctx does, when stop is called, or when the identity
// has expired or was revoked, which [Ended] tells. It fails with [millpond.RateLimited] when the identity has as many as it may.
// Call stop in any other case.
func (s *Streams) Last(ctx context.Context) (_ context.Context, stop func(), err error) {
	if err := s.gate.quotas.connect(s.who.Subject); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	l := &lasting{s.who, cancel}
	g := s.gate
	g.mu.Lock()
	changed := !s.trusted && g.revocations != s.asOf
	g.live[l] = struct{}{}
	g.mu.Unlock()
	if changed {
		cancel(&endError{errChanged})
	}
	var timer *time.Timer
	if !s.who.Expires.IsZero() {
		timer = time.AfterFunc(time.Until(s.who.Expires), func() { cancel(&endError{errExpired}) })
	}
	return ctx, func() {
		if timer != nil {
			timer.Stop()
		}
		g.mu.Lock()
		delete(g.live, l)
		g.mu.Unlock()
		cancel(nil)
		g.quotas.disconnect(s.who.Subject)
	}, nil
}

// Ended is the error that the identity has ended a context of [Streams.Last] with: nil when it has not ended, or for
// another reason.
func Ended(ctx context.Context) *millpond.Error {
	var end *endError
	if errors.As(context.Cause(ctx), &end) {
		return end.told
	}
	return nil
}

// endError tells the end by an identity from that by an outer context.
type endError struct{ told *millpond.Error }

func (e *endError) Error() string { return e.told.Error() }
func (e *endError) Unwrap() error { return e.told }
