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

	// LeaveLarge lets Read fail with a [*LargeError] where a large event is the first that it would return, instead of
	// holding all of it in memory.
	LeaveLarge bool
}

// Read returns the first events of the range, in order. It may return fewer than Limit when they are large, and one over
// millpond.MaxPartBytes alone; none means that there is nothing more. With Types it reads on until it has found one, or the end.
func (e *Engine) Read(ctx context.Context, name millpond.Name, opts ReadOptions) ([]millpond.Event, error) {
	if opts.Limit <= 0 {
		opts.Limit = DefaultReadEvents
	}
	opts.Limit = min(opts.Limit, MaxReadEvents)
	if opts.Incarnation != "" {
		end, err := e.endIn(ctx, name, opts.Incarnation)
		if err != nil {
			return nil, err
		}
		return e.readEvents(ctx, end, opts)
	}
	var events []millpond.Event
	err := e.view(ctx, name, func(end mark) (err error) {
		events, err = e.readEvents(ctx, end, opts)
		return err
	})
	return events, err
}

// Event returns the event at the offset.
func (e *Engine) Event(ctx context.Context, name millpond.Name, offset uint64) (event millpond.Event, err error) {
	err = e.view(ctx, name, func(end mark) error {
		event, err = e.readEvent(ctx, end, offset, false)
		return err
	})
	return event, err
}

// EventByKey returns the event with the idempotency key.
func (e *Engine) EventByKey(ctx context.Context, name millpond.Name, key string) (event millpond.Event, err error) {
	err = e.view(ctx, name, func(end mark) error {
		offsets, err := e.store.Offsets(ctx, end.stream, []string{key})
		if err != nil {
			return e.problem("look up idempotency key", err)
		}
		event, err = e.readEvent(ctx, end, offsets[0], false)
		return err
	})
	return event, err
}

// view calls fn with the end of the name's log, as the subscribers see it: what a commit has stored and not published yet
// is past that end. It calls again when a reset came in between.
func (e *Engine) view(ctx context.Context, name millpond.Name, fn func(mark) error) error {
	var tried store.Stream
	for {
		end, err := e.endOf(ctx, name)
		if err != nil {
			return e.problem("load stream", err)
		}
		if end.stream == tried {
			return errNoStream
		}
		tried = end.stream
		if err := fn(end); !errors.Is(err, errNoStream) {
			return err
		}
	}
}

// endOf is the end of the name's log: in memory when the stream runs, and so might be changed.
func (e *Engine) endOf(ctx context.Context, name millpond.Name) (mark, error) {
	for {
		if in := e.running(name); in != nil {
			h := in.now()
			return mark{h.stream, h.offset}, nil
		}
		stored, err := e.store.Head(ctx, name)
		if err != nil {
			return mark{}, err
		}
		if e.running(name) == nil { // it has not come to run since
			return mark{stored.Stream, stored.Offset}, nil
		}
	}
}

// endIn is endOf, when the incarnation is the present one.
func (e *Engine) endIn(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation) (mark, error) {
	end, err := e.endOf(ctx, name)
	if err == nil && end.stream.Incarnation != incarnation {
		err = errNoStream
	}
	return end, e.problem("load stream", err)
}

// readEvent reads one event of the log up to the end.
func (e *Engine) readEvent(ctx context.Context, end mark, offset uint64, leaveLarge bool) (millpond.Event, error) {
	if offset == 0 {
		return millpond.Event{}, errNoEvent
	}
	events, err := e.readEvents(ctx, end, ReadOptions{After: offset - 1, Before: offset + 1, Limit: 1, LeaveLarge: leaveLarge})
	if err != nil {
		return millpond.Event{}, err
	}
	if len(events) == 0 {
		return millpond.Event{}, errNoEvent
	}
	return events[0], nil
}

// readEvents reads from the log up to the end.
func (e *Engine) readEvents(ctx context.Context, end mark, opts ReadOptions) ([]millpond.Event, error) {
	types := newFilter(opts.Types)
	r := store.Range{After: opts.After, Before: opts.Before, Limit: opts.Limit, Bytes: maxReadBytes}
	if r.Before == 0 || r.Before > end.offset {
		r.Before = end.offset + 1
	}
	if types != nil {
		r.Limit, r.Bytes = MaxReadEvents, scanBytes
	}
	var events []millpond.Event
	for {
		page, err := e.store.Read(ctx, end.stream, r)
		if err != nil {
			return nil, e.problem("read", err)
		}
		if events, err = decode(events, page.Records, types, opts.Limit); err != nil {
			return nil, e.problem("read", err)
		}
		if page.Count == 0 && page.Large > 0 {
			if events, err = e.readLarge(ctx, end.stream, page.Last+1, types, opts.LeaveLarge); err != nil || len(events) > 0 {
				return events, err
			}
			r.After = page.Last + 1 // it was filtered
			continue
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
