package stream

import (
	"context"
	"errors"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// ReadOptions say what to read.
type ReadOptions struct {
	After, Before uint64   // exclusive; 0: none
	Limit         int      // most events, up to MaxReadEvents; 0: DefaultReadEvents
	Types         []string // event types to return; empty or "*": all

	// Incarnation is the one to read: another one than the present is [millpond.NotFound]. Empty: the present one, which
	// may be another at each Read.
	Incarnation millpond.Incarnation
}

// Read returns the first events of the range, in order. It may return fewer than Limit when they are large; none
// means that there is nothing more. With Types it reads on until it has found one, or the end.
func (e *Engine) Read(ctx context.Context, name millpond.Name, opts ReadOptions) ([]millpond.Event, error) {
	if opts.Limit <= 0 {
		opts.Limit = DefaultReadEvents
	}
	opts.Limit = min(opts.Limit, MaxReadEvents)
	if opts.Incarnation != "" {
		return e.readEvents(ctx, store.Stream{Name: name, Incarnation: opts.Incarnation}, opts)
	}
	var events []millpond.Event
	err := e.view(ctx, name, func(s store.Stream) (err error) {
		events, err = e.readEvents(ctx, s, opts)
		return err
	})
	return events, err
}

// Event returns the event at the offset.
func (e *Engine) Event(ctx context.Context, name millpond.Name, offset uint64) (event millpond.Event, err error) {
	err = e.view(ctx, name, func(s store.Stream) error {
		event, err = e.readEvent(ctx, s, offset)
		return err
	})
	return event, err
}

// EventByKey returns the event with the idempotency key.
func (e *Engine) EventByKey(ctx context.Context, name millpond.Name, key string) (event millpond.Event, err error) {
	err = e.view(ctx, name, func(s store.Stream) error {
		offsets, err := e.store.Offsets(ctx, s, []string{key})
		if err != nil {
			return e.problem("look up idempotency key", err)
		}
		event, err = e.readEvent(ctx, s, offsets[0])
		return err
	})
	return event, err
}

// view calls fn with the name's present incarnation; again when a reset came in between.
func (e *Engine) view(ctx context.Context, name millpond.Name, fn func(store.Stream) error) error {
	var tried store.Stream
	if in := e.running(name); in != nil {
		tried = in.now().stream
		if err := fn(tried); !errors.Is(err, errNoStream) {
			return err
		}
	}
	for {
		head, err := e.store.Head(ctx, name)
		if err != nil {
			return e.problem("load stream", err)
		}
		if head.Stream == tried {
			return errNoStream
		}
		tried = head.Stream
		if err := fn(tried); !errors.Is(err, errNoStream) {
			return err
		}
	}
}

// readEvent reads one event.
func (e *Engine) readEvent(ctx context.Context, s store.Stream, offset uint64) (millpond.Event, error) {
	if offset == 0 {
		return millpond.Event{}, errNoEvent
	}
	events, err := e.readEvents(ctx, s, ReadOptions{After: offset - 1, Limit: 1})
	if err != nil {
		return millpond.Event{}, err
	}
	if len(events) == 0 {
		return millpond.Event{}, errNoEvent
	}
	return events[0], nil
}

func (e *Engine) readEvents(ctx context.Context, s store.Stream, opts ReadOptions) ([]millpond.Event, error) {
	types := newFilter(opts.Types)
	r := store.Range{After: opts.After, Before: opts.Before, Limit: opts.Limit, Bytes: maxReadBytes}
	if types != nil {
		r.Limit, r.Bytes = MaxReadEvents, scanBytes
	}
	var events []millpond.Event
	for {
		page, err := e.store.Read(ctx, s, r)
		if err != nil {
			return nil, e.problem("read", err)
		}
		if events, err = decode(events, page.Records, types, opts.Limit); err != nil {
			return nil, e.problem("read", err)
		}
		// All of a page is taken, or it is full; a filter goes on until it has something to return.
		if types == nil || page.Count == 0 || len(events) > 0 {
			return events, nil
		}
		r.After = page.Last
	}
}

// decode appends the events that pass the filter, up to the limit.
func decode(events []millpond.Event, records []byte, types filter, limit int) ([]millpond.Event, error) {
	for len(records) > 0 && len(events) < limit {
		record, rest, err := millpond.NextRecord(records)
		if err != nil {
			return nil, err
		}
		records = rest
		if !types.passes(record) {
			continue
		}
		var event millpond.Event
		if err := millpond.DecodeRecord(record, &event); err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}
