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
	large  largeCursor   // in the record after the cursor; Next's own
	whole  millpond.Assembly

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
// maxBytes, but one record at least, whatever its size. They are shared with other subscribers: do not change them. With a
// filter, a batch may hold no record and only move the checkpoint. Batch.Subscription is not set.
//
// When the subscription has ended, Next fails with an [*EndError]; when the engine has, with [millpond.Unavailable].
// When ctx ends, or the store fails, the cursor stays where it is and Next may be called again.
func (s *Subscription) Next(ctx context.Context, maxBytes int) (millpond.Batch, error) {
	for {
		piece, err := s.next(ctx, maxBytes, millpond.MaxPartBytes)
		if err != nil {
			return millpond.Batch{}, err
		}
		if piece.Part != nil {
			if err := s.whole.Add(piece.Part); err != nil {
				return millpond.Batch{}, s.failed(err)
			}
			continue
		}
		if piece.Assembled {
			piece.Assembled = false
			if piece.Records, err = s.whole.Take(piece.LastOffset); err != nil {
				return millpond.Batch{}, s.failed(err)
			}
		}
		return piece.Batch, nil
	}
}

// Piece is a batch or, where there is a Part, that.
type Piece struct {
	millpond.Batch
	Part *millpond.Part
}

// NextPiece is Next, but returns a large record in parts of at most maxBytes, and after them the batch that they make, with
// Assembled and without records. A subscription is read with Next or with NextPiece, not with both.
func (s *Subscription) NextPiece(ctx context.Context, maxBytes int) (Piece, error) {
	return s.next(ctx, maxBytes, maxBytes)
}

func (s *Subscription) next(ctx context.Context, maxBytes, partBytes int) (Piece, error) {
	maxBytes = min(maxBytes, maxBatchBytes)
	readBytes := maxBytes
	if s.types != nil {
		readBytes = scanBytes
	}
	for {
		select {
		case <-s.ended:
			return Piece{}, s.why
		default:
		}
		p, h, changed := s.in.after(s.cursor, readBytes)
		if changed != nil {
			select {
			case <-changed:
			case <-s.ended:
			case <-ctx.Done():
				return Piece{}, ctx.Err()
			}
			continue
		}
		if p.count == 0 && s.large.size == 0 {
			var err error
			if p, s.large.size, err = s.replay(ctx, h, readBytes); err != nil {
				return Piece{}, s.failed(err)
			}
		}
		if s.large.size > 0 {
			piece, err := s.nextPart(ctx, h, min(partBytes, millpond.MaxPartBytes))
			if err != nil {
				return Piece{}, s.failed(err)
			}
			return piece, nil
		}
		b, err := s.deliver(p, h, maxBytes)
		return Piece{Batch: b}, err
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

// replay reads what follows the cursor from the store, up to the mark: or else the size of the large record that does.
func (s *Subscription) replay(ctx context.Context, h mark, maxBytes int) (p part, large int, err error) {
	page, err := s.engine.store.Read(ctx, h.stream, store.Range{
		After: s.cursor, Before: h.offset + 1, Limit: maxBatchEvents, Bytes: maxBytes})
	if err != nil {
		return part{}, 0, err
	}
	if page.Count > 0 {
		return part{records: page.Records, count: page.Count, last: page.Last, hash: page.Hash}, 0, nil
	}
	if page.Large == 0 {
		err = store.ErrCorrupt // the log ends before its head
	}
	return part{}, page.Large, err
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
