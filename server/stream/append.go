package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond"
)

// Append appends the inputs as one atomic batch and returns the events, one for each input, once they are durable.
// The inputs must be valid, and not be changed any more. It creates the stream when there is none.
//
// An input with an idempotency key that the stream has already changes nothing, also while the stream is paused: its
// event is the original. An input's offset must be that which its event gets, or has.
//
// Errors are *millpond.Error: [millpond.OffsetConflict], [millpond.StreamPaused], [millpond.Unavailable]; then nothing was
// appended. After [millpond.Internal], or the context's error when that ends first, the events are appended or not: with
// idempotency keys the same can be appended again.
func (e *Engine) Append(ctx context.Context, name millpond.Name, inputs []millpond.Input) ([]millpond.Event, error) {
	if len(inputs) == 0 {
		return nil, &millpond.Error{Code: millpond.InvalidRequest, Message: "the batch is empty: append at least one event"}
	}
	name, err := millpond.Target(name, inputs)
	if err != nil {
		return nil, err
	}
	r, err := e.do(ctx, requestAppend, name, inputs)
	if err != nil {
		return nil, err
	}
	return r.events, e.fill(ctx, r)
}

// do hands a request to the committer and waits until it is done, by whichever instance of the stream runs then.
func (e *Engine) do(ctx context.Context, kind requestKind, name millpond.Name, inputs []millpond.Input) (*request, error) {
	return e.hand(ctx, name, func(in *instance) *request { return newRequest(ctx, kind, name, in, inputs) })
}

// hand is do for the request that make makes for an instance.
func (e *Engine) hand(ctx context.Context, name millpond.Name, make func(*instance) *request) (*request, error) {
	for {
		in, err := e.instance(ctx, name)
		if err != nil {
			return nil, err
		}
		in.pins.Add(1)
		r := make(in)
		err = e.ask(ctx, r)
		in.pins.Add(-1)
		if !errors.Is(err, errGone) {
			return r, err
		}
	}
}

// ask hands a request to the committer and waits until it is done.
func (e *Engine) ask(ctx context.Context, r *request) (err error) {
	if r.kind == requestAppend && !r.in.isAwake() {
		if r.above, err = e.above(ctx, r.name); err != nil {
			return err
		}
	}
	if err := e.checkSizes(r.inputs); err != nil {
		return err
	}
	if err := e.committer.queue.put(r); err != nil {
		return err
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fill reads the events that an append found in the log instead of appending them.
func (e *Engine) fill(ctx context.Context, r *request) error {
	h, bytes := r.in.now(), 0
	for i := range r.events {
		if r.events[i].Type != "" {
			continue
		}
		original, err := e.readEvent(ctx, mark{h.stream, h.offset}, r.events[i].Offset, false)
		if errors.Is(err, errNoStream) {
			return &millpond.Error{Code: millpond.Unavailable, Message: "the stream was reset while the append was answered: try again"}
		}
		if err != nil {
			return err
		}
		if bytes += len(original.Payload) + len(original.Metadata); bytes > maxAnswerBytes && i > 0 {
			return &millpond.Error{Code: millpond.EventTooLarge,
				Message: fmt.Sprintf("the batch is in the log; its answer would repeat more than %d bytes of what was there before: read it", maxAnswerBytes)}
		}
		r.events[i] = original
	}
	return nil
}
