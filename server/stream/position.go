package stream

import (
	"context"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Position returns the end of the stream's log. It does not wake the stream.
func (e *Engine) Position(ctx context.Context, name millpond.Name) (millpond.Position, error) {
	if in := e.running(name); in != nil {
		h := in.now()
		return millpond.Position{Incarnation: h.stream.Incarnation, Offset: h.offset, Hash: h.hash}, nil
	}
	h, err := e.store.Head(ctx, name)
	if err != nil {
		return millpond.Position{}, e.problem("load stream", err)
	}
	return millpond.Position{Incarnation: h.Stream.Incarnation, Offset: h.Offset, Hash: h.Hash}, nil
}

// EventAt is Event for a given incarnation. A large event is a [*LargeError].
func (e *Engine) EventAt(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation, offset uint64) (millpond.Event, error) {
	end, err := e.endIn(ctx, name, incarnation)
	if err != nil {
		return millpond.Event{}, err
	}
	return e.readEvent(ctx, end, offset, true)
}

// OffsetOf returns the offset of the event with the idempotency key.
func (e *Engine) OffsetOf(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation, key string) (uint64, error) {
	end, err := e.endIn(ctx, name, incarnation)
	if err != nil {
		return 0, err
	}
	offsets, err := e.store.Offsets(ctx, end.stream, []string{key})
	if err != nil {
		return 0, e.problem("look up idempotency key", err)
	}
	if offsets[0] == 0 || offsets[0] > end.offset {
		return 0, errNoEvent
	}
	return offsets[0], nil
}

// HashAt returns the hash of the log at the offset, which fails with [millpond.NotFound] when the stream has another
// incarnation by now, or ends before it.
func (e *Engine) HashAt(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation, offset uint64) (millpond.Hash, error) {
	if in := e.running(name); in != nil {
		in.mu.Lock()
		hash, ok := in.tail.hash(offset)
		ok = ok && in.head.stream.Incarnation == incarnation
		in.mu.Unlock()
		if ok {
			return hash, nil
		}
	}
	hash, err := e.store.Hash(ctx, store.Stream{Name: name, Incarnation: incarnation}, offset)
	return hash, e.problem("read hash", err)
}
