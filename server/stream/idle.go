package stream

import (
	"context"
	"time"

	"github.com/millpond-dev/millpond"
)

// touch notes that the instance is in use.
func (e *Engine) touch(in *instance) { in.touched.Store(int64(time.Since(e.start))) }

// sweepIdle asks the committer from time to time to drop the streams that nobody has used for the timeout.
func (e *Engine) sweepIdle(timeout time.Duration) {
	if timeout < 0 {
		return
	}
	e.committer.idleTimeout = timeout
	ticker := time.NewTicker(max(timeout/idleChecks, 1))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-e.closing:
			return
		}
		r := newRequest(context.Background(), requestEvict, millpond.Name{}, nil, nil)
		if room, err := e.committer.queue.tryPut(r); room == nil && err == nil { // else there is no time for it
			e.committer.queue.signal()
			select {
			case <-r.done:
			case <-e.closing:
				return
			}
		}
	}
}

// evict drops the streams from memory that nobody uses: all that is known of them is in the store.
func (c *committer) evict() {
	before := int64(time.Since(c.engine.start) - c.idleTimeout)
	for _, in := range c.engine.all() {
		if in.idle(before) {
			c.engine.drop(in.name, in)
			c.tailBytes -= in.end(errGone)
			c.engine.counters.evictions.Add(1)
		}
	}
}

// idle reports whether nobody uses the instance, or has since the time.
func (in *instance) idle(since int64) bool {
	if in.touched.Load() > since || in.pins.Load() > 0 {
		return false
	}
	select {
	case <-in.loaded:
	default:
		return false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.subscriptions) == 0
}

// sweepStore lets the store do some of the work that it has put off. There is nothing else to do.
func (c *committer) sweepStore() {
	more, err := c.sweeper.Sweep(context.Background())
	if err != nil {
		c.log.Warn("what is left of streams that were reset could not be deleted: it is tried again after the next reset", "error", err)
	}
	c.sweep = more && err == nil
}
