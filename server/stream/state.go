package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Runtime is what a stream has in memory only.
type Runtime struct {
	Connections map[string]Connection `json:"connections"` // live subscriptions by key; "#1", … without one
}

// Connection describes a live subscription.
type Connection struct {
	Direction    millpond.Direction `json:"direction"`
	Subscriber   string             `json:"subscriber,omitempty"` // describes it, for people
	Processor    *millpond.Contract `json:"processor,omitempty"`
	StartedAt    time.Time          `json:"startedAt"`
	Cursor       uint64             `json:"cursor"` // offset that it has read up to
	Batches      uint64             `json:"batches"`
	Events       uint64             `json:"events"`
	LastDelivery *time.Time         `json:"lastDelivery,omitempty"`
}

// State returns the stream's reduced state and what is connected to it. It does not wake the stream.
func (e *Engine) State(ctx context.Context, name millpond.Name) (millpond.State, Runtime, error) {
	runtime := Runtime{Connections: map[string]Connection{}}
	if in := e.running(name); in != nil {
		for _, s := range in.live() {
			runtime.Connections[s.key.String()] = s.connection()
		}
		return in.now().state, runtime, nil
	}
	h, err := e.present(ctx, name)
	return h.state, runtime, err
}

// load reads a stream's head from the store: a zero one when there is no such stream.
func (e *Engine) load(ctx context.Context, name millpond.Name) (head, error) {
	stored, err := e.store.Head(ctx, name)
	if errors.Is(err, store.ErrNoStream) {
		return head{}, nil
	}
	if err != nil {
		return head{}, e.problem("load stream", err)
	}
	at, ok := millpond.RecordCreatedAt(stored.Last)
	if !ok {
		return head{}, e.problem("load stream", fmt.Errorf("stream %s, offset %d: %w", name, stored.Offset, millpond.ErrCorruptRecord))
	}
	h := head{stream: stored.Stream, offset: stored.Offset, hash: stored.Hash, at: at}
	if h.state, err = readSnapshot(stored); err != nil {
		e.log.Warn("state is made again from the log", "stream", name, "because", err, "events", stored.Offset)
		e.counters.rebuilt(err)
		h.state = millpond.State{}
	}
	h.saved = saved{offset: h.state.MaxOffset, bytes: len(stored.Snapshot.Data), stale: h.state.MaxOffset < h.offset}
	if err == nil && h.saved.due(h.offset) {
		h.state.MaxOffset, h.state.EventCount = h.offset, h.offset
		h.saved.stale = false
	}
	if h.state, err = e.fold(ctx, stored, h.state); err != nil {
		return head{}, e.problem("fold state", err)
	}
	return h, nil
}

// fold is the state of the whole log, from an earlier one on.
func (e *Engine) fold(ctx context.Context, stored store.Head, state millpond.State) (_ millpond.State, err error) {
	for state.MaxOffset < stored.Offset {
		page, err := e.store.Read(ctx, stored.Stream, store.Range{
			After: state.MaxOffset, Before: stored.Offset + 1, Limit: MaxReadEvents, Bytes: scanBytes})
		if err != nil {
			return state, err
		}
		events, err := decode(nil, page.Records, nil, page.Count)
		if err != nil {
			return state, err
		}
		if page.Count == 0 && page.Large > 0 { // it changes the counts only: what changes more is small
			events = []millpond.Event{{Offset: page.Last + 1}}
		}
		if len(events) == 0 {
			return state, fmt.Errorf("stream %s: the log ends at offset %d, not %d", stored.Stream.Name, state.MaxOffset, stored.Offset)
		}
		for i := range events {
			state = state.Reduce(&events[i])
		}
	}
	return state, nil
}
