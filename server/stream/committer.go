package stream

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// committer is the one goroutine that changes streams. While it commits, requests queue up, and the next transaction
// takes them all: the longer a sync takes, the more share it.
type committer struct {
	engine  *Engine
	store   store.Store
	log     *slog.Logger
	now     func() time.Time
	queue   *queue
	failing bool   // the last commit failed
	arena   []byte // of the records of a transaction; used again by the next

	tailBytes    int // of all instances, about
	maxTailBytes int
}

func newCommitter(e *Engine, opts Options) *committer {
	return &committer{engine: e, store: opts.Store, log: opts.Logger, now: opts.Now, queue: newQueue(), maxTailBytes: opts.TailBytes}
}

// run answers all requests until the queue is closed and empty.
func (c *committer) run() {
	var requests []*request
	for {
		var ok bool
		if requests, ok = c.queue.take(requests[:0]); !ok {
			return
		}
		for rest := requests; len(rest) > 0; {
			n := 0
			for n < len(rest) && rest[n].kind == requestAppend {
				n++
			}
			if n > 0 {
				c.append(rest[:n])
			} else {
				n = 1
				c.control(rest[0])
			}
			rest = rest[n:]
		}
		clear(requests)
		c.trimTails()
	}
}

// work is the part of a transaction that is one stream's.
type work struct {
	in       *instance
	draft    *draft
	requests []*request // that the draft fulfils
	changed  chan struct{}
}

// append plans the requests, commits them in one transaction, and then changes memory, answers and wakes.
func (c *committer) append(requests []*request) {
	works := c.plan(requests)
	err := c.commit(works)
	for _, w := range works {
		switch {
		case err == nil:
			var grown int
			w.changed, grown = w.in.publish(w.draft)
			c.tailBytes += grown
		case errors.Is(err, store.ErrConflict): // what is in memory is not what is stored: load it again
			c.kill(w.requests[0].name, w.in)
		}
	}
	err = answer(err)
	for _, w := range works {
		for _, r := range w.requests {
			r.finish(err)
		}
		if w.changed != nil {
			close(w.changed)
		}
	}
}

// plan drafts the requests, stream by stream, in order. Those that are refused are answered.
func (c *committer) plan(requests []*request) []*work {
	byInstance := make(map[*instance]*work, len(requests))
	var order []*work
	for _, r := range requests {
		w := byInstance[r.in]
		if w == nil {
			w = &work{in: r.in}
			byInstance[r.in] = w
			order = append(order, w)
		}
		w.requests = append(w.requests, r)
	}
	if c.arena = c.arena[:0]; cap(c.arena) > 2*maxCommitBytes {
		c.arena = nil
	}
	now := timestamp(c.now())
	works := order[:0]
	for _, w := range order {
		if c.planStream(w, now); len(w.requests) > 0 {
			works = append(works, w)
		}
	}
	return works
}

// planStream drafts the work's requests and leaves in it those that the draft fulfils.
func (c *committer) planStream(w *work, now time.Time) {
	refuse := func(err error) {
		for _, r := range w.requests {
			r.finish(err)
		}
		w.requests = nil
	}
	if w.in.dead != nil {
		refuse(errGone)
		return
	}
	keys, err := c.storedKeys(w)
	if err != nil {
		refuse(c.engine.problem("look up idempotency keys", err))
		return
	}
	w.draft = newDraft(w.in.head, now, keys, c.arena)
	if !w.in.awake {
		w.draft.wake(w.requests[0].name)
	}
	fulfilled := w.requests[:0]
	for _, r := range w.requests {
		err := r.ctx.Err()
		if err == nil {
			r.events, err = w.draft.append(r.inputs)
		}
		if err != nil {
			r.finish(err)
			continue
		}
		fulfilled = append(fulfilled, r)
	}
	w.requests = fulfilled
	c.arena = w.draft.arena
}

// storedKeys is where the log has the idempotency keys of the work's inputs already.
func (c *committer) storedKeys(w *work) (map[string]uint64, error) {
	var keys []string
	for _, r := range w.requests {
		for i := range r.inputs {
			if key := r.inputs[i].IdempotencyKey; key != "" {
				keys = append(keys, key)
			}
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	stored := make(map[string]uint64, len(keys))
	if w.in.head.stream.Incarnation == "" {
		return stored, nil
	}
	offsets, err := c.store.Offsets(context.Background(), w.in.head.stream, keys)
	for i, offset := range offsets {
		if offset != 0 {
			stored[keys[i]] = offset
		}
	}
	return stored, err
}

// commit makes the drafts durable.
func (c *committer) commit(works []*work) error {
	batches := make([]store.Batch, 0, len(works))
	for _, w := range works {
		if len(w.draft.records) == 0 { // only keys that were there before
			continue
		}
		b, err := w.draft.batch()
		if err != nil {
			return err
		}
		batches = append(batches, b)
	}
	if len(batches) == 0 {
		return nil
	}
	return c.write(batches)
}

// write commits to the store. It logs the first failure in a row and the end of the row, not each.
func (c *committer) write(batches []store.Batch) error {
	err := c.store.Commit(context.Background(), batches)
	switch {
	case err == nil && c.failing:
		c.log.Info("commits succeed again")
	case err != nil && !c.failing:
		c.log.Error("commit failed: appends are refused until one succeeds", "error", err)
	}
	c.failing = err != nil
	return err
}

// control resets or kills a stream.
func (c *committer) control(r *request) {
	in := r.in
	if in.dead != nil {
		r.finish(errGone)
		return
	}
	if r.kind == requestKill {
		c.kill(r.name, in)
		r.finish(nil)
		return
	}
	r.finish(answer(c.reset(r.name, in)))
}

func (c *committer) kill(name millpond.Name, in *instance) {
	c.engine.drop(name, in)
	c.tailBytes -= in.end(&EndError{millpond.EndKilled})
	c.log.Info("stream killed", "stream", name)
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
	b, err := d.batch()
	if err != nil {
		return err
	}
	b.Replaces = old.head.stream.Incarnation
	if err := c.write([]store.Batch{b}); err != nil {
		return err
	}
	fresh := newInstance()
	close(fresh.loaded)
	_, grown := fresh.publish(d)
	c.engine.replace(name, fresh)
	c.tailBytes += grown - old.end(&EndError{millpond.EndReset})
	c.log.Info("stream reset", "stream", name, "incarnation", d.head.stream.Incarnation, "deleted", old.head.offset)
	return nil
}

// trimTails makes room when all tails together are over their bound: any tail can be read from the store again.
func (c *committer) trimTails() {
	if c.tailBytes <= c.maxTailBytes {
		return
	}
	for _, in := range c.engine.all() { // in no order: the map's
		if c.tailBytes <= c.maxTailBytes/2 { // not at every commit
			return
		}
		in.mu.Lock()
		c.tailBytes -= in.tail.bytes
		in.tail = tail{}
		in.mu.Unlock()
	}
}

// timestamp is a time as a record holds it.
func timestamp(t time.Time) time.Time { return time.Unix(0, t.UnixNano()).UTC() }

var errGone = errors.New("stream instance has ended") // look it up again
