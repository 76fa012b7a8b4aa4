package mirror

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/session"
)

// answer is the end of an append.
type answer struct {
	events []millpond.Event
	err    error
}

// Append appends the inputs as one atomic batch and returns the committed events, one for each. It waits for a connection
// at most [Options.AppendWait]. Each input without an idempotency key is given one, so that the batch is committed once
// even when the connection is lost before the answer comes.
//
// Errors of the server are [*millpond.Error]. When ctx ends first, or the connection was lost and none came in time, the
// batch may or may not have been committed: append it again with the same idempotency keys to be sure.
func (s *Stream) Append(ctx context.Context, inputs ...millpond.Input) ([]millpond.Event, error) {
	if s.closed.Load() {
		return nil, &millpond.Error{Code: millpond.Unavailable, Message: "the stream is closed: open it again"}
	}
	text, err := encodeInputs(inputs)
	if err != nil {
		return nil, err
	}
	m := s.mirror
	id := m.appends.Add(1)
	done := make(chan answer, 1)
	err = m.do(ctx, func(l *loop) {
		if ctx.Err() == nil {
			l.waiting[id] = done
			l.step(session.Append{ID: id, Name: s.name, Events: text})
		}
	})
	if err == nil {
		select {
		case a := <-done:
			return a.events, a.err
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-m.done:
			return nil, ErrClosed
		}
	}
	m.chores.add(func(l *loop) { l.cancelAppend(id) })
	return nil, fmt.Errorf("append to %s: %w", s.name, err)
}

func (l *loop) answer(done session.AppendDone) {
	a := answer{events: done.Events}
	if done.Err != nil {
		a.err = done.Err
	}
	if waiting := l.waiting[done.ID]; waiting != nil {
		waiting <- a // of capacity 1
		delete(l.waiting, done.ID)
	}
}

func (l *loop) cancelAppend(id uint64) {
	delete(l.waiting, id)
	l.step(session.CancelAppend{ID: id})
}

// encodeInputs validates inputs, gives each a key, and makes the JSON array of them.
func encodeInputs(inputs []millpond.Input) ([]byte, error) {
	if len(inputs) == 0 {
		return nil, &millpond.Error{Code: millpond.InvalidRequest, Message: "there is nothing to append: give one event at least"}
	}
	if len(inputs) > millpond.MaxBatchEvents {
		return nil, &millpond.Error{Code: millpond.EventTooLarge,
			Message: fmt.Sprintf("%d events are over the limit of %d for one append", len(inputs), millpond.MaxBatchEvents)}
	}
	text := []byte{'['}
	for i, in := range inputs {
		if err := in.ValidateClient(); err != nil {
			return nil, atIndex(i, err)
		}
		if in.IdempotencyKey == "" {
			in.IdempotencyKey = rand.Text()
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = in.AppendJSON(text)
	}
	text = append(text, ']')
	if len(text) > millpond.MaxBatchBytes {
		return nil, &millpond.Error{Code: millpond.EventTooLarge,
			Message: fmt.Sprintf("%d bytes are over the limit of %d for one append: append in several", len(text), millpond.MaxBatchBytes)}
	}
	return text, nil
}

// atIndex says in the error which of several inputs is at fault.
func atIndex(i int, err error) error {
	var e *millpond.Error
	if !errors.As(err, &e) {
		return err
	}
	at := *e
	at.Field = fmt.Sprintf("[%d].%s", i, e.Field)
	return &at
}
