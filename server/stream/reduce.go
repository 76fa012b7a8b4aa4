package stream

import (
	"context"

	"github.com/millpond-dev/millpond"
)

// Reduce is a dry run: the state that the stream would have after an append of the inputs, which it refuses as the append
// would be refused. Nothing is appended, and the stream is neither created nor woken.
func (e *Engine) Reduce(ctx context.Context, name millpond.Name, inputs []millpond.Input) (millpond.State, error) {
	target, err := millpond.Target(name, inputs)
	if err != nil {
		return millpond.State{}, err
	}
	if target != name {
		return millpond.State{}, &millpond.Error{Code: millpond.InvalidEvent, Field: "stream", Message: "must be the stream itself in a dry run"}
	}
	h, err := e.present(ctx, name)
	if err != nil {
		return millpond.State{}, err
	}
	keys, err := e.committer.offsets(ctx, &h, appendKeys(nil, inputs))
	if err != nil {
		return millpond.State{}, e.problem("look up idempotency keys", err)
	}
	d := newDraft(h, timestamp(e.committer.now()), keys, nil)
	d.registered = e.committer.registered
	if _, err := d.append(inputs); err != nil {
		return millpond.State{}, err
	}
	return d.head.state, nil
}

// present is the head of a stream that exists, in memory or not.
func (e *Engine) present(ctx context.Context, name millpond.Name) (head, error) {
	if in := e.running(name); in != nil {
		return in.now(), nil
	}
	h, err := e.load(ctx, name)
	if err == nil && h.stream.Incarnation == "" {
		err = errNoStream
	}
	return h, err
}
