package stream

import (
	"context"

	"github.com/millpond-dev/millpond"
)

// Reset deletes all events of the stream and begins another incarnation of it. Live subscriptions end with
// [millpond.EndReset]. It fails with [millpond.NotFound] when there is no such stream.
func (e *Engine) Reset(ctx context.Context, name millpond.Name) error {
	return e.control(ctx, requestReset, name)
}

// Kill drops the stream from memory. Live subscriptions end with [millpond.EndKilled]; the next append or
// subscription loads and wakes the stream again. It fails with [millpond.NotFound] when there is no such stream.
func (e *Engine) Kill(ctx context.Context, name millpond.Name) error {
	return e.control(ctx, requestKill, name)
}

func (e *Engine) control(ctx context.Context, kind requestKind, name millpond.Name) error {
	if e.running(name) == nil {
		if _, err := e.store.Head(ctx, name); err != nil {
			return e.problem("load stream", err)
		}
	}
	_, err := e.do(ctx, kind, name, nil)
	return err
}
