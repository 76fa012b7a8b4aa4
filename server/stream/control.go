package stream

import (
	"context"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
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

// control resets or kills a stream.
func (c *committer) control(r *request) {
	switch err := r.ctx.Err(); {
	case err != nil:
		r.finish(err)
	case r.kind == requestEvict:
		c.evict()
		r.finish(nil)
	case r.in.dead != nil:
		r.finish(errGone)
	case r.kind == requestKill:
		c.kill(r.name, r.in)
		r.finish(nil)
	default:
		r.finish(answer(c.reset(r.name, r.in)))
	}
}

func (c *committer) kill(name millpond.Name, in *instance) {
	c.engine.drop(name, in)
	c.tailBytes -= in.end(&EndError{millpond.EndKilled})
	c.log.Info("stream killed", "stream", name)
	c.changed(name)
}

// reset begins another incarnation, strictly later than all that the old one holds.
func (c *committer) reset(name millpond.Name, old *instance) error {
	if old.head.stream.Incarnation == "" {
		return errNoStream
	}
	now := timestamp(c.now())
	if !now.After(old.head.at) {
		now = old.head.at.Add(1)
	}
	d := newDraft(head{}, now, nil, nil)
	d.wake(name)
	d.adopt(old.head.state.ChildPaths)
	b, err := d.batch()
	if err != nil {
		return err
	}
	b.Replaces = old.head.stream.Incarnation
	if err := c.write([]store.Batch{b}, 0); err != nil {
		return err
	}
	c.sweep = c.sweeper != nil
	fresh := newInstance(name)
	c.engine.touch(fresh)
	close(fresh.loaded)
	_, grown := fresh.publish(d)
	c.engine.replace(name, fresh)
	c.tailBytes += grown - old.end(&EndError{millpond.EndReset})
	c.log.Info("stream reset", "stream", name, "incarnation", d.head.stream.Incarnation, "deleted", old.head.offset)
	c.changed(name)
	return nil
}
