package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/conn"
)

// The one subscription of a follower.
const subscriptionID = 1

var (
	errDone   = errors.New("everything is printed")
	errSilent = fmt.Errorf("the server has been silent for %v", millpond.ProbeInterval+millpond.ProbeTimeout)
)

// closedError says that a connection could not be made, or is over.
type closedError struct {
	code int // close code of the server; 0: none
	err  error
}

func (e *closedError) Error() string { return e.err.Error() }
func (e *closedError) Unwrap() error { return e.err }

// connect follows the stream over one connection. It returns nil when everything is printed that was asked for.
func (t *follower) connect(ctx context.Context) error {
	events := make(chan conn.Event, tailQueue)
	over := make(chan struct{})
	c := conn.Dial(t.url, func(e conn.Event) {
		select {
		case events <- e:
		case <-over:
		}
	})
	defer func() {
		c.Close(1000, "")
		close(over)
		c.Wait()
	}()
	link := &link{follower: t, conn: c}
	silence := time.NewTimer(millpond.ProbeInterval)
	defer silence.Stop()
	for probed := false; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-events:
			probed = false
			silence.Reset(millpond.ProbeInterval)
			if err := link.receive(e); err == errDone {
				return nil
			} else if err != nil {
				return err
			}
		case <-silence.C:
			if probed || !link.open {
				return errSilent
			}
			probed = true
			c.Send(&millpond.Ping{Nonce: 1})
			silence.Reset(millpond.ProbeTimeout)
		}
	}
}

// link is a follower's part in one connection.
type link struct {
	*follower
	conn  *conn.Conn
	open  bool
	until uint64            // offset to print up to, unless it follows
	parts millpond.Assembly // of an event that is too large for one frame
	spent int64             // bytes of credit that the server has used and were not given back
}

func (l *link) receive(e conn.Event) error {
	switch e := e.(type) {
	case conn.Opened:
		l.open, l.reached = true, true
		token, err := l.token()
		if err != nil {
			return err
		}
		l.conn.Send(&millpond.Hello{Client: "millpond-tail/" + version(), Token: token})
		l.conn.Send(&millpond.Subscribe{
			ID: subscriptionID, Stream: l.name, After: l.after, Types: l.types, Credit: tailWindowBytes,
			Incarnation: l.incarnation, Hash: l.hash,
		})
	case conn.Message:
		return l.receiveMessage(e.Message)
	case conn.Part:
		l.spend(e.Bytes)
		return l.parts.Add(&e.Part)
	case conn.Batch:
		return l.receiveBatch(&e)
	case conn.Closed:
		return &closedError{e.Code, explainDial(e.Err)}
	}
	return nil
}

func (l *link) receiveMessage(m millpond.Message) error {
	switch m := m.(type) {
	case *millpond.Resume:
		l.until = m.MaxOffset
		if l.begin(m.Incarnation, m.After, m.Hash, m.MaxOffset) {
			return errDone
		}
	case *millpond.Rebuild:
		l.note("the stream is not the one that was printed until now (%s): beginning with its first event", m.Reason)
		l.until = m.MaxOffset
		if l.begin(m.Incarnation, 0, 0, m.MaxOffset) {
			return errDone
		}
	case *millpond.Unsubscribed:
		return fmt.Errorf("the server has ended the subscription: %s", m.Reason)
	case *millpond.ErrorMessage:
		return &millpond.Error{Code: m.Code, Message: m.Message, Field: m.Field}
	case *millpond.Goaway:
		return errors.New(m.Reason)
	case *millpond.Ping:
		l.conn.Send(&millpond.Pong{Nonce: m.Nonce})
	}
	return nil
}

// receiveBatch prints a batch, and gives its credit back.
func (l *link) receiveBatch(b *conn.Batch) (err error) {
	if b.Batch.Assembled {
		if b.Batch.Records, err = l.parts.Take(b.Batch.LastOffset); err != nil {
			return err
		}
	}
	if err := l.print(&b.Batch); err != nil {
		return err
	}
	if !l.follow && b.Batch.LastOffset >= l.until {
		return errDone
	}
	l.spend(b.Bytes)
	return nil
}

// spend gives the credit for a frame back, once that is worth a message.
func (l *link) spend(bytes int) {
	l.spent += int64(bytes)
	if l.spent >= tailWindowBytes/4 {
		l.conn.Send(&millpond.Credit{ID: subscriptionID, Bytes: l.spent})
		l.spent = 0
	}
}
