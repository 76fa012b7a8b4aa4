package access

import (
	"bytes"
	"context"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/stream"
)

// Streams is the engine as one identity may use it. Each method asks Authorize first, and fails with
// [millpond.Forbidden], or what Authorize says, when it may not. The rest is as in package stream.
type Streams struct {
	gate    *Gate
	who     Identity
	asOf    uint64 // revocations when it was authenticated
	trusted bool
	own     *pace // of the connection; nil: of a single request
}

// OfConnection is the streams for a connection, whose requests come one after the other: an append that is too fast waits
// for its turn for a while, before it is refused.
func (s *Streams) OfConnection() *Streams {
	l := &s.gate.options.Limits
	own := newPace(l.ConnectionEventsPerSecond, l.ConnectionBytesPerSecond)
	t := *s
	t.own = &own
	return &t
}

// Hold counts bytes of an append that is read into memory. It fails with [millpond.RateLimited] or [millpond.Unavailable] when there are
// too many; otherwise Release them.
func (s *Streams) Hold(bytes int) error { return s.gate.quotas.hold(s.who.Subject, bytes) }

// Release is the end of Hold.
func (s *Streams) Release(bytes int) { s.gate.quotas.release(s.who.Subject, bytes) }

// takeTurn keeps appends within their rate.
func (s *Streams) takeTurn(ctx context.Context, inputs []millpond.Input) error {
	if s.trusted {
		return nil
	}
	now := time.Now()
	events, bytes := sizes(inputs)
	t := s.gate.quotas.turn(s.who.Subject, s.own, now, events, bytes)
	wait := t.wait(now)
	if wait == 0 {
		return nil
	}
	if s.own == nil || wait > maxPace {
		t.giveBack(now)
		return &millpond.Error{Code: millpond.RateLimited, RetryAfter: wait,
			Message: "you append faster than you may: try again in " + wait.Round(time.Millisecond).String()}
	}
	select {
	case <-time.After(wait):
		return s.expired()
	case <-ctx.Done():
		t.giveBack(now)
		return ctx.Err()
	}
}

// Identity is who uses the streams.
func (s *Streams) Identity() Identity { return s.who }

// Append is [stream.Engine.Append]. It needs, for each input, the action of its type, on the stream that the inputs go to.
func (s *Streams) Append(ctx context.Context, name millpond.Name, inputs []millpond.Input) ([]millpond.Event, error) {
	target, err := millpond.Target(name, inputs)
	if err != nil {
		return nil, err
	}
	if err := s.mayAppend(ctx, target, inputs); err != nil {
		return nil, err
	}
	if err := s.takeTurn(ctx, inputs); err != nil {
		return nil, err
	}
	events, err := s.gate.engine.Append(ctx, name, inputs)
	if err == nil && !s.trusted && s.may(ctx, Read, target) != nil {
		hideOriginals(events, inputs)
	}
	return events, err
}

// hideOriginals takes out of the answer to an append what others have appended before with the same idempotency keys: who may
// only append must not read by guessing keys.
func hideOriginals(events []millpond.Event, inputs []millpond.Input) {
	for i := range events {
		e, in := &events[i], &inputs[i]
		if e.Type != in.Type || !bytes.Equal(e.Payload, in.Payload) || !bytes.Equal(e.Metadata, in.Metadata) || !e.Source.Equal(in.Source) {
			events[i] = millpond.Event{Offset: e.Offset, Type: in.Type, IdempotencyKey: e.IdempotencyKey, CreatedAt: e.CreatedAt}
		}
	}
}

func (s *Streams) mayAppend(ctx context.Context, name millpond.Name, inputs []millpond.Input) error {
	type target struct {
		do   Action
		name millpond.Name
	}
	var asked []target // few: most batches are of one kind
next:
	for i := range inputs {
		t := target{ActionOf(inputs[i].Type), name}
		for _, a := range asked {
			if a == t {
				continue next
			}
		}
		if err := s.may(ctx, t.do, t.name); err != nil {
			return err
		}
		asked = append(asked, t)
	}
	if len(inputs) == 0 {
		return s.may(ctx, Append, name)
	}
	return nil
}

// Read is [stream.Engine.Read].
func (s *Streams) Read(ctx context.Context, name millpond.Name, opts stream.ReadOptions) ([]millpond.Event, error) {
	if err := s.may(ctx, Read, name); err != nil {
		return nil, err
	}
	return s.gate.engine.Read(ctx, name, opts)
}

// Position is [stream.Engine.Position].
func (s *Streams) Position(ctx context.Context, name millpond.Name) (millpond.Position, error) {
	if err := s.may(ctx, Read, name); err != nil {
		return millpond.Position{}, err
	}
	return s.gate.engine.Position(ctx, name)
}

// HashAt is [stream.Engine.HashAt].
func (s *Streams) HashAt(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation, offset uint64) (millpond.Hash, error) {
	if err := s.may(ctx, Read, name); err != nil {
		return 0, err
	}
	return s.gate.engine.HashAt(ctx, name, incarnation, offset)
}

// EventAt is [stream.Engine.EventAt].
func (s *Streams) EventAt(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation, offset uint64) (millpond.Event, error) {
	if err := s.may(ctx, Read, name); err != nil {
		return millpond.Event{}, err
	}
	return s.gate.engine.EventAt(ctx, name, incarnation, offset)
}

// ReadPart is [stream.Engine.ReadPart].
func (s *Streams) ReadPart(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation, offset uint64, start, n int) (millpond.Part, error) {
	if err := s.may(ctx, Read, name); err != nil {
		return millpond.Part{}, err
	}
	return s.gate.engine.ReadPart(ctx, name, incarnation, offset, start, n)
}

// OffsetOf is [stream.Engine.OffsetOf].
func (s *Streams) OffsetOf(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation, key string) (uint64, error) {
	if err := s.may(ctx, Read, name); err != nil {
		return 0, err
	}
	return s.gate.engine.OffsetOf(ctx, name, incarnation, key)
}

// State is [stream.Engine.State].
func (s *Streams) State(ctx context.Context, name millpond.Name) (millpond.State, stream.Runtime, error) {
	if err := s.may(ctx, Read, name); err != nil {
		return millpond.State{}, stream.Runtime{}, err
	}
	return s.gate.engine.State(ctx, name)
}

// Reduce is [stream.Engine.Reduce]: it shows the state, and changes nothing.
func (s *Streams) Reduce(ctx context.Context, name millpond.Name, inputs []millpond.Input) (millpond.State, error) {
	if err := s.may(ctx, Read, name); err != nil {
		return millpond.State{}, err
	}
	return s.gate.engine.Reduce(ctx, name, inputs)
}

// Subscribe is [stream.Engine.Subscribe]. Who may not append may only subscribe to what exists. Keys are the identity's own: nobody
// takes the place of somebody else's subscription.
func (s *Streams) Subscribe(ctx context.Context, name millpond.Name, opts stream.SubscribeOptions) (*Subscription, error) {
	if err := s.may(ctx, Subscribe, name); err != nil {
		return nil, err
	}
	if s.may(ctx, Append, name) != nil {
		if _, _, err := s.gate.engine.State(ctx, name); err != nil {
			return nil, err // no such stream
		}
	}
	opts.Owner = s.who.Subject
	if err := s.gate.quotas.subscribe(opts.Owner); err != nil {
		return nil, err
	}
	cursor, err := s.gate.engine.Subscribe(ctx, name, opts)
	if err != nil {
		s.gate.quotas.unsubscribe(opts.Owner)
		return nil, err
	}
	return &Subscription{cursor: cursor, quotas: s.gate.quotas, subject: opts.Owner}, nil
}

// Reset is [stream.Engine.Reset].
func (s *Streams) Reset(ctx context.Context, name millpond.Name) error {
	if err := s.may(ctx, Control, name); err != nil {
		return err
	}
	return s.gate.engine.Reset(ctx, name)
}

// Kill is [stream.Engine.Kill].
func (s *Streams) Kill(ctx context.Context, name millpond.Name) error {
	if err := s.may(ctx, Control, name); err != nil {
		return err
	}
	return s.gate.engine.Kill(ctx, name)
}

// may says whether the identity may do it, now.
func (s *Streams) may(ctx context.Context, do Action, name millpond.Name) error {
	if s.trusted {
		return nil
	}
	if err := s.expired(); err != nil {
		return err
	}
	if s.gate.options.Authorize == nil {
		return nil
	}
	err := s.gate.options.Authorize(ctx, s.who, do, name)
	if err == nil {
		return nil
	}
	return told(err, func(code millpond.ErrorCode) error {
		if code == millpond.Forbidden {
			return forbidden(do, name)
		}
		return refused(code)
	})
}

func (s *Streams) expired() error {
	if e := s.who.Expires; !e.IsZero() && !time.Now().Before(e) {
		return errExpired
	}
	return nil
}
