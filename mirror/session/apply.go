package session

import (
	"fmt"

	"github.com/millpond-dev/millpond"
)

func (in Frame) step(m *Machine) {
	s := m.receive(in.Batch.Subscription, in.Bytes)
	if s == nil {
		return
	}
	next := queued{in.Batch, in.Bytes, false}
	if next.batch.Assembled && !m.assemble(s, &next) {
		return
	}
	s.sub.queue = append(s.sub.queue, next)
	m.applyNext(s)
}

// receive is the stream that a frame of so many bytes is for: nil when it is for none, or is not allowed.
func (m *Machine) receive(subscription uint32, bytes int) *stream {
	m.heard()
	s := m.subscribed(subscription)
	switch {
	case s == nil: // on its way when the subscription ended
		return nil
	case !s.sub.answered:
		m.drop(millpond.InvalidRequest, "the server sent a batch before it answered the subscription")
		return nil
	case !s.sub.credit.receive(bytes):
		m.drop(millpond.InvalidRequest, "the server sent more than the credit that it was given")
		return nil
	}
	return s
}

// applyNext gives the shell the next batch, when it has none of the stream. A batch without records changes nothing in a
// copy: it only tells how far the log goes.
func (m *Machine) applyNext(s *stream) {
	for s.busy == nil && len(s.sub.queue) > 0 {
		next := s.sub.queue[0]
		s.sub.queue = s.sub.queue[1:]
		s.maxOffset = max(s.maxOffset, next.batch.MaxOffset)
		m.changed = true
		if len(next.batch.Records) == 0 {
			s.sub.credit.free(next.bytes)
			continue
		}
		s.busy = &applying{s.sub.id, next.bytes, next.large}
		m.emit(Apply{s.name, s.sub.incarnation, next.batch, s.sub.replace})
	}
	m.grant(s)
}

func (m *Machine) grant(s *stream) {
	if more := s.sub.credit.grant(m.window()); more > 0 {
		m.send(&millpond.Credit{ID: s.sub.id, Bytes: more})
	}
}

func (in Applied) step(m *Machine) {
	s := m.streams[in.Name]
	if s == nil || s.busy == nil {
		return
	}
	done := s.busy
	s.busy = nil
	s.position = in.Position
	s.maxOffset = max(s.maxOffset, in.Position.Offset)
	s.healed()
	m.changed = true
	m.forgetUnwanted(s)
	if done.id != s.sub.id { // the subscription ended meanwhile; the position is known again
		m.subscribe(s)
		return
	}
	m.attempts = 0
	s.sub.replace = false
	s.sub.credit.free(done.bytes)
	if done.large {
		s.sub.large = false
	}
	m.applyNext(s)
}

func (in ApplyFailed) step(m *Machine) {
	s := m.streams[in.Name]
	if s == nil || s.busy == nil {
		return
	}
	s.busy = nil
	m.leave(s)
	m.forgetUnwanted(s)
	if in.Mismatch {
		m.mismatch(s, in.Err.Error())
		return
	}
	m.fail(s, &Problem{millpond.Error{Code: millpond.Internal, Message: fmt.Sprint("the batch could not be stored: ", in.Err)},
		millpond.Retry})
}
