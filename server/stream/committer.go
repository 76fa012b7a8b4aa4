package stream

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// committer is the one goroutine that changes streams. While it commits, requests queue up, and the next transaction
// takes them all: the longer a sync takes, the more share it.
type committer struct {
	engine     *Engine
	store      store.Store
	log        *slog.Logger
	now        func() time.Time
	registered func(slug string) bool
	changed    func(millpond.Name)
	queue      *queue
	sweeper    store.Sweeper // of the store; nil: it has none
	sweep      bool          // the store may have something to sweep
	committed  func(Commit)
	failing    bool   // the last commit failed
	arena      []byte // of the records of a transaction; used again by the next

	failedAt atomic.Pointer[time.Time] // when the last commit failed; nil: it did not
	began    atomic.Pointer[time.Time] // when the commit that is running began; nil: none is

	idleTimeout time.Duration // set before the first requestEvict

	tailBytes    int // of all instances, about
	maxTailBytes int
}

func newCommitter(e *Engine, opts Options) *committer {
	c := &committer{engine: e, store: opts.Store, log: opts.Logger, now: opts.Now, registered: opts.Registered,
		changed: opts.Changed, committed: opts.Committed, queue: newQueue(), maxTailBytes: opts.TailBytes}
	c.sweeper, c.sweep = opts.Store.(store.Sweeper)
	return c
}

// run answers all requests until the queue is closed and empty.
func (c *committer) run() {
	var requests []*request
	for {
		take := c.queue.take
		if c.sweep {
			take = c.queue.poll
		}
		var ok bool
		if requests, ok = take(requests[:0]); !ok {
			return
		}
		if len(requests) == 0 {
			c.sweepStore()
			continue
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
	name     millpond.Name
	draft    *draft     // nil: not a part of the transaction
	requests []*request // that the draft answers; none where another stream's request is what changes this one
	changed  chan struct{}
}

// append plans the requests, commits them in one transaction, and then changes memory, answers and wakes.
func (c *committer) append(requests []*request) {
	works := c.plan(requests)
	err := c.commit(works)
	for _, w := range works {
		switch {
		case err == nil || planted == "deliver before it is durable":
			var grown int
			w.changed, grown = w.in.publish(w.draft)
			c.tailBytes += grown
		case errors.Is(err, store.ErrConflict): // one of them is not in memory as it is stored: load all again
			c.kill(w.name, w.in)
		}
	}
	err = answer(err)
	if planted == "acknowledge before it is durable" {
		err = nil
	}
	for _, w := range works {
		if err == nil && w.draft.core {
			c.changed(w.name)
		}
		for _, r := range w.requests {
			if err != nil { // also of one that was refused: for what, is not in the log now
				r.err = err
			}
			r.finish(r.err)
		}
		if w.changed != nil {
			close(w.changed)
		}
	}
}

// commit makes the drafts durable.
func (c *committer) commit(works []*work) error {
	batches := make([]store.Batch, 0, len(works))
	requests := 0
	for _, w := range works {
		if len(w.draft.records) == 0 && len(w.draft.checkpoints) == 0 { // only keys that were there before
			continue
		}
		b, err := w.draft.batch()
		if err != nil {
			return err
		}
		batches = append(batches, b)
		requests += len(w.requests)
	}
	if len(batches) == 0 {
		return nil
	}
	return c.write(batches, requests)
}

// write commits to the store. It logs the first failure in a row and the end of the row, not each.
func (c *committer) write(batches []store.Batch, requests int) error {
	start := time.Now()
	c.began.Store(&start)
	stuck := time.AfterFunc(stuckCommit, func() {
		c.log.Error("a commit does not end: the disk does not answer, and appends wait for it", "since", stuckCommit)
	})
	err := c.store.Commit(context.Background(), batches)
	stuck.Stop()
	c.began.Store(nil)
	c.measure(batches, requests, time.Since(start), err)
	switch {
	case err == nil && c.failing:
		c.log.Info("commits succeed again")
	case err != nil && !c.failing:
		c.log.Error("commit failed: appends are refused until one succeeds", "error", err)
	}
	c.failing = err != nil
	return err
}

func (c *committer) measure(batches []store.Batch, requests int, took time.Duration, err error) {
	done := Commit{Requests: requests, Took: took, Failed: err != nil}
	for i := range batches {
		done.Events += len(batches[i].Records)
		for j := range batches[i].Records {
			done.Bytes += len(batches[i].Records[j].Data)
		}
	}
	c.committed(done)
	switch {
	case err != nil:
		now := time.Now()
		c.failedAt.Store(&now)
	case c.failing:
		c.failedAt.Store(nil)
	}
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

var errGone = errors.New("stream instance has ended") // look it up again
