package session

import (
	"fmt"

	"github.com/millpond-dev/millpond"
)

// A record that comes in parts may be larger than the window. So its parts do not count as held: credit for them is given
// again at once. That is allowed to one stream at a time, until its record is applied; the parts of others count, and wait
// when their window is full. So parts take one record more than the windows at the most, and credit never starves.

func (in Part) step(m *Machine) {
	s := m.receive(in.Part.Subscription, in.Bytes)
	if s == nil {
		return
	}
	if in.Part.RecordBytes > m.config.MaxRecordBytes {
		m.leave(s)
		m.fail(s, &Problem{millpond.Error{Code: millpond.EventTooLarge, Message: fmt.Sprintf(
			"the event at offset %d has %d bytes, over the limit of this mirror of %d", in.Part.Offset, in.Part.RecordBytes, m.config.MaxRecordBytes)},
			millpond.GiveUp})
		return
	}
	if err := s.sub.parts.Add(&in.Part); err != nil {
		m.leave(s)
		m.mismatch(s, err.Error())
		return
	}
	s.sub.parked += in.Bytes
	if m.large == nil {
		m.large = s
		s.sub.large = true
	}
	m.unpark(s)
}

// unpark gives credit again for the parts of a stream, if it is the one that may be beyond its window.
func (m *Machine) unpark(s *stream) {
	if s.sub.large {
		s.sub.credit.free(s.sub.parked)
		s.sub.parked = 0
	}
	m.grant(s)
}

// assemble makes of a batch that came in parts one that is whole. It is false when the parts do not make it.
func (m *Machine) assemble(s *stream, next *queued) bool {
	records, err := s.sub.parts.Take(next.batch.LastOffset)
	if err != nil {
		m.leave(s)
		m.mismatch(s, err.Error())
		return false
	}
	next.batch.Records, next.batch.Assembled = records, false
	next.bytes += s.sub.parked
	next.large = s.sub.large
	s.sub.parked = 0
	return true
}

// passLarge lets the next stream be beyond its window, when the one that was is not any more.
func (m *Machine) passLarge() {
	if m.large == nil || m.large.sub.large {
		return
	}
	m.large = nil
	for _, s := range m.ordered() {
		if s.sub.parked > 0 {
			m.large = s
			s.sub.large = true
			m.unpark(s)
			return
		}
	}
}
