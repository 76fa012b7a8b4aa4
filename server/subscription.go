package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/stream"
)

// subscription is a cursor in a stream, and the credit that the client has given for it.
type subscription struct {
	id     uint32
	cursor *access.Subscription
	text   partText        // of an event that is sent in parts, as text; the pump's own
	head   []byte          // of a frame; the pump's own
	ctx    context.Context // ends with the connection, or when the client unsubscribes
	cancel context.CancelFunc

	mu     sync.Mutex
	bytes  int64         // +checklocks:mu // credit; below 0 by less than a frame, as a record is sent whole
	gained chan struct{} // of capacity 1: holds a token when there is new credit
}

// add adds credit: false when that is more than a client may have outstanding.
func (s *subscription) add(bytes int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes > millpond.MaxCreditBytes-max(s.bytes, 0) {
		return false
	}
	s.bytes += bytes
	select {
	case s.gained <- struct{}{}:
	default:
	}
	return true
}

func (s *subscription) spend(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= bytes
}

// wait waits until there is credit, and says how much.
func (s *subscription) wait() (int64, error) {
	for {
		s.mu.Lock()
		bytes := s.bytes
		s.mu.Unlock()
		if bytes > 0 {
			return bytes, nil
		}
		select {
		case <-s.gained:
		case <-s.ctx.Done():
			return 0, s.ctx.Err()
		}
	}
}

// subscribe answers Resume or Rebuild and starts the subscription, or answers an ErrorMessage with its ID.
func (c *client) subscribe(msg *millpond.Subscribe) error {
	switch {
	case msg.ID == 0:
		return protocolError("id", "must be 1 or more")
	case c.subscription(msg.ID) != nil:
		return protocolError("id", fmt.Sprintf("%d is in use: give each subscription an id of its own", msg.ID))
	case msg.Credit < 0 || msg.Credit > millpond.MaxCreditBytes:
		return protocolError("credit", fmt.Sprintf("must be 0 to %d", millpond.MaxCreditBytes))
	}
	cursor, err := c.openCursor(msg)
	if err != nil {
		return c.refuseSubscription(msg.ID, err)
	}
	s := &subscription{id: msg.ID, cursor: cursor, bytes: msg.Credit, gained: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(c.live)
	c.mu.Lock()
	c.subscriptions[s.id] = s
	c.mu.Unlock()
	c.server.metrics.began(cursor.Start())
	err = c.send(begin(s))
	c.running.Go(func() { c.pump(s) })
	return err
}

func (c *client) openCursor(msg *millpond.Subscribe) (*access.Subscription, error) {
	if err := msg.Stream.Validate(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	n := len(c.subscriptions)
	c.mu.Unlock()
	if n >= millpond.MaxSubscriptions {
		return nil, &millpond.Error{Code: millpond.RateLimited,
			Message: fmt.Sprintf("a connection has at most %d subscriptions: end another one first", millpond.MaxSubscriptions)}
	}
	return c.streams.Subscribe(c.ctx, msg.Stream, stream.SubscribeOptions{
		After: msg.After, Incarnation: msg.Incarnation, Hash: msg.Hash, Types: msg.Types, Key: msg.Key, Subscriber: c.program,
	})
}

func (c *client) refuseSubscription(id uint32, err error) error {
	e := c.server.asError(err, "session", c.session)
	c.server.metrics.refused(e.Code)
	return c.send(&millpond.ErrorMessage{Subscription: id, Code: e.Code, Message: e.Message, Field: e.Field})
}

// begin is the message that says where a subscription starts.
func begin(s *subscription) millpond.Message {
	start := s.cursor.Start()
	if start.Rebuild != "" {
		return &millpond.Rebuild{ID: s.id, Reason: start.Rebuild, Incarnation: start.Incarnation, MaxOffset: start.MaxOffset}
	}
	return &millpond.Resume{ID: s.id, Incarnation: start.Incarnation, After: start.After, Hash: start.Hash, MaxOffset: start.MaxOffset}
}

// pump sends a subscription's batches until it ends, and then says why.
func (c *client) pump(s *subscription) {
	defer func() {
		if p := recover(); p != nil {
			c.server.log.Error("internal error", "session", c.session, "error", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			c.cancel(fmt.Errorf("panic: %v", p))
		}
	}()
	err := c.deliver(s)
	unsubscribed := s.ctx.Err() != nil
	s.cancel()
	reason := millpond.DisconnectUnsubscribed
	if c.live.Err() != nil {
		reason = millpond.DisconnectConnectionBroken
	}
	s.cursor.CloseBecause(reason)
	c.mu.Lock()
	delete(c.subscriptions, s.id)
	c.mu.Unlock()

	var end *stream.EndError
	switch {
	case c.live.Err() != nil: // nobody to tell
	case unsubscribed:
		c.send(&millpond.Unsubscribed{ID: s.id, Reason: millpond.EndUnsubscribed})
	case errors.As(err, &end):
		c.send(&millpond.Unsubscribed{ID: s.id, Reason: end.Reason})
	default:
		c.refuseSubscription(s.id, err)
	}
}

// deliver sends batches while there is credit.
func (c *client) deliver(s *subscription) error {
	for {
		credit, err := s.wait()
		if err != nil {
			return err
		}
		piece, err := s.cursor.NextPiece(s.ctx, int(min(credit, c.frameBytes())))
		if err != nil {
			return err
		}
		piece.Subscription = s.id
		if piece.Part != nil {
			piece.Part.Subscription = s.id
		}
		if err := c.sendPiece(s, &piece); err != nil {
			return err
		}
	}
}

// frameBytes is how large a frame may get: a share of what the connection's subscriptions may hold in memory together.
func (c *client) frameBytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int64(min(targetFrameBytes, max(minFrameBytes, inFlightBytes/max(1, len(c.subscriptions)))))
}

// unsubscribe ends a subscription; its pump answers. One that has ended meanwhile is none.
func (c *client) unsubscribe(msg *millpond.Unsubscribe) error {
	if msg.ID == 0 {
		return protocolError("id", "must be 1 or more")
	}
	if s := c.subscription(msg.ID); s != nil {
		s.cancel()
	}
	return nil
}

// credit adds to a subscription's credit. One that has ended meanwhile needs none.
func (c *client) credit(msg *millpond.Credit) error {
	switch {
	case msg.ID == 0:
		return protocolError("id", "must be 1 or more")
	case msg.Bytes <= 0:
		return protocolError("bytes", "must be 1 or more")
	}
	if s := c.subscription(msg.ID); s != nil && !s.add(msg.Bytes) {
		return protocolError("bytes", fmt.Sprintf("the credit would be over %d", millpond.MaxCreditBytes))
	}
	return nil
}

func (c *client) subscription(id uint32) *subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subscriptions[id]
}
