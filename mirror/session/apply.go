package session

import (
	"fmt"

	"github.com/millpond-dev/millpond"
)

func (in Frame) step(m *Machine) {
	m.heard()
	s := m.subscribed(in.Batch.Subscription)
	if s == nil {
		return // on its way when the subscription ended
	}
	if !s.sub.answered {
		m.drop(millpond.InvalidRequest, "the server sent a batch before it answered the subscription")
		return
	}
	if !s.sub.credit.receive(in.Bytes) {
		m.drop(millpond.InvalidRequest, "the server sent more than the credit that it was given")
		return
	}
	s.sub.queue = append(s.sub.queue, queued{in.Batch, in.Bytes})
	m.applyNext(s)
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
		s.busy = &applying{s.sub.id, next.bytes}
		m.emit(Apply{s.name, s.sub.incarnation, next.batch, s.sub.replace})
	}
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
