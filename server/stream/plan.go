package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// plan drafts the requests, stream by stream, in order.
func (c *committer) plan(requests []*request) []*work {
	p := &planning{committer: c, now: timestamp(c.now()), byInstance: make(map[*instance]*work, len(requests))}
	var order []*work
	for _, r := range requests {
		w := p.byInstance[r.in]
		if w == nil {
			w = &work{in: r.in, name: r.name}
			p.byInstance[r.in] = w
			order = append(order, w)
		}
		w.requests = append(w.requests, r)
	}
	if c.arena = c.arena[:0]; cap(c.arena) > 2*maxCommitBytes {
		c.arena = nil
	}
	p.works = order[:0]
	for _, w := range order {
		if c.planStream(w, p.now); len(w.requests) > 0 {
			p.works = append(p.works, w)
		} else {
			w.draft = nil
		}
	}
	p.announceAll()
	return p.works
}

// planning is the making of a transaction.
type planning struct {
	*committer
	now        time.Time
	byInstance map[*instance]*work
	works      []*work // those that are a part of it
}

// planStream drafts the work's requests and leaves in it those that are to be answered after the commit. Those that the draft
// refuses are among them: that may be for an event that is not durable yet. When it fulfils none there is nothing to commit.
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
	if errors.Is(err, store.ErrConflict) {
		c.kill(w.requests[0].name, w.in)
	}
	if err != nil {
		refuse(c.engine.problem("look up idempotency keys", err))
		return
	}
	w.draft = newDraft(w.in.head, now, keys, c.arena)
	w.draft.registered = c.registered
	if !w.in.awake {
		w.draft.wake(w.name)
	}
	fulfilled := false
	for _, r := range w.requests {
		err := r.ctx.Err()
		if err == nil && r.as != nil {
			err = w.draft.admit(r.as)
		}
		if err == nil {
			r.events, err = w.draft.fulfil(r)
		}
		if err == nil && r.keep != nil {
			w.draft.keep(r.as.Key, r.keep)
		}
		r.err = err
		fulfilled = fulfilled || err == nil
	}
	c.arena = w.draft.arena
	if !fulfilled {
		for _, r := range w.requests {
			r.finish(r.err)
		}
		w.requests = nil
	}
}

// storedKeys is where the log has the idempotency keys of the work's inputs already.
func (c *committer) storedKeys(w *work) (map[string]uint64, error) {
	var keys []string
	for _, r := range w.requests {
		keys = appendKeys(keys, r.inputs)
	}
	return c.offsets(context.Background(), &w.in.head, keys)
}

func appendKeys(keys []string, inputs []millpond.Input) []string {
	for i := range inputs {
		if key := inputs[i].IdempotencyKey; key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// offsets is where the log of the head has the idempotency keys. It fails with [store.ErrConflict] when that is past the
// head: a commit was taken for failed and was not.
func (c *committer) offsets(ctx context.Context, h *head, keys []string) (map[string]uint64, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	stored := make(map[string]uint64, len(keys))
	if h.stream.Incarnation == "" {
		return stored, nil
	}
	offsets, err := c.store.Offsets(ctx, h.stream, keys)
	for i, offset := range offsets {
		if offset > h.offset {
			return nil, fmt.Errorf("an idempotency key is at offset %d, past the head at %d: %w", offset, h.offset, store.ErrConflict)
		}
		if offset != 0 {
			stored[keys[i]] = offset
		}
	}
	return stored, err
}

// timestamp is a time as a record holds it.
func timestamp(t time.Time) time.Time { return time.Unix(0, t.UnixNano()).UTC() }
