package stream

import (
	"context"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Subscription is a cursor in a stream. Start and Close may be called at any time, Next from one goroutine.
type Subscription struct {
	engine *Engine
	in     *instance
	start  Start
	types  filter
	key    subscriptionKey

	subscriber string
	direction  millpond.Direction
	processor  *millpond.Contract
	recorded   bool // the log says that it has come, and when it goes

	cursor uint64        // offset read up to; Next's own
	hash   millpond.Hash // at the cursor; Next's own

	ended chan struct{} // closed when why is set
	why   error

	mu    sync.Mutex
	stats stats
}

// subscriptionKey tells the subscriptions of a stream apart.
type subscriptionKey struct {
	direction millpond.Direction // a subscriber from outside never takes the place of the engine's own
	owner     string             // may be empty
	name      string             // given by the subscriber
	number    uint64             // for those without a name
}

// String is OWNER/NAME, or the name alone.
func (k subscriptionKey) String() string {
	name := k.name
	if k.number != 0 {
		name = "#" + strconv.FormatUint(k.number, 10)
	}
	if k.owner == "" {
		return name
	}
	return url.PathEscape(k.owner) + "/" + name
}

// stats are what others may see of a subscription.
type stats struct {
	startedAt       time.Time
	cursor          uint64
	batches, events uint64
	lastDelivery    time.Time
}

// Start says where the subscription begins.
func (s *Subscription) Start() Start { return s.start }

// Close ends the subscription: Next fails with [millpond.EndUnsubscribed]. It may be called again.
func (s *Subscription) Close() { s.CloseBecause(millpond.DisconnectUnsubscribed) }

// CloseBecause is Close, and says why: that is recorded where presence is.
func (s *Subscription) CloseBecause(reason millpond.DisconnectReason) {
	if s.in.leave(s) {
		s.end(&EndError{millpond.EndUnsubscribed})
		if s.recorded {
			s.engine.recordGone(s, reason)
		}
	}
}

// end ends a subscription that has been taken from its instance: whoever took it calls it, once.
func (s *Subscription) end(why error) {
	s.why = why
	close(s.ended)
}

// Next waits until there is something after the cursor and returns it, moving the cursor. Records are at most
// maxBytes, but one record at least. They are shared with other subscribers: do not change them. With a filter, a batch
// may hold no record and only move the checkpoint. Batch.Subscription is not set.
//
// When the subscription has ended, Next fails with an [*EndError]; when the engine has, with [millpond.Unavailable].
// When ctx ends, or the store fails, the cursor stays where it is and Next may be called again.
func (s *Subscription) Next(ctx context.Context, maxBytes int) (millpond.Batch, error) {
	maxBytes = min(maxBytes, maxBatchBytes)
	readBytes := maxBytes
	if s.types != nil {
		readBytes = scanBytes
	}
	for {
		select {
		case <-s.ended:
			return millpond.Batch{}, s.why
		default:
		}
		p, h, changed := s.in.after(s.cursor, readBytes)
		if changed != nil {
			select {
			case <-changed:
			case <-s.ended:
			case <-ctx.Done():
				return millpond.Batch{}, ctx.Err()
			}
			continue
		}
		if p.count == 0 {
			var err error
			if p, err = s.replay(ctx, h, readBytes); err != nil {
				return millpond.Batch{}, s.failed(err)
			}
		}
		return s.deliver(p, h, maxBytes)
	}
}

// after is what the tail has after the cursor: nothing when the cursor is behind it; at the end of the log, a
// channel to wait for.
func (in *instance) after(cursor uint64, maxBytes int) (p part, h mark, changed <-chan struct{}) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if cursor >= in.head.offset {
		if in.changed == nil {
			in.changed = make(chan struct{})
		}
		return part{}, mark{}, in.changed
	}
	p, _ = in.tail.after(cursor, maxBatchEvents, maxBytes)
	return p, mark{in.head.stream, in.head.offset}, nil
}

// mark is a place in a log.
type mark struct {
	stream store.Stream
	offset uint64
}

// replay reads what follows the cursor from the store, up to the mark.
func (s *Subscription) replay(ctx context.Context, h mark, maxBytes int) (part, error) {
	page, err := s.engine.store.Read(ctx, h.stream, store.Range{
		After: s.cursor, Before: h.offset + 1, Limit: maxBatchEvents, Bytes: maxBytes})
	if err != nil {
		return part{}, err
	}
	if page.Count == 0 {
		return part{}, store.ErrCorrupt // the log ends before its head
	}
	return part{records: page.Records, count: page.Count, last: page.Last, hash: page.Hash}, nil
}

// failed is what Next fails with when the store did: a log that is gone has been reset.
func (s *Subscription) failed(err error) error {
	err = s.engine.problem("replay", err)
	if err == errNoStream {
		return &EndError{millpond.EndReset}
	}
	return err
}

// deliver moves the cursor over the part and makes it a batch.
func (s *Subscription) deliver(p part, h mark, maxBytes int) (millpond.Batch, error) {
	if s.types != nil {
		var err error
		if p, err = s.types.apply(p, s.hash, maxBytes); err != nil {
			return millpond.Batch{}, s.failed(err)
		}
	}
	s.cursor, s.hash = p.last, p.hash
	s.count(p.count)
	return millpond.Batch{
		Live:       p.last == h.offset,
		LastOffset: p.last,
		MaxOffset:  h.offset,
		Hash:       p.hash,
		Records:    p.records,
	}, nil
}

func (s *Subscription) count(events int) {
	now := s.engine.committer.now().UTC()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.cursor = s.cursor
	s.stats.batches++
	s.stats.events += uint64(events)
	s.stats.lastDelivery = now
}

// connection describes the subscription.
func (s *Subscription) connection() Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Connection{
		Direction:  s.direction,
		Subscriber: s.subscriber,
		Processor:  s.processor,
		StartedAt:  s.stats.startedAt,
		Cursor:     s.stats.cursor,
		Batches:    s.stats.batches,
		Events:     s.stats.events,
	}
	if c.Batches > 0 {
		last := s.stats.lastDelivery
		c.LastDelivery = &last
	}
	return c
}
