package session

import (
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
)

// stream is a stream that is followed.
type stream struct {
	name      millpond.Name
	position  millpond.Position // of the copy; not known while busy
	maxOffset uint64
	wanted    bool // false: to be forgotten as soon as it is not busy

	sub  subscription
	busy *applying // the batch that is with the shell

	failures   int // in a row: subscriptions that ended or failed before a batch was applied
	mismatches int // in a row: batches that did not fit the copy
	retryAt    time.Duration
	problem    *Problem
}

// subscription is that of a stream on the open connection. The zero value is none.
type subscription struct {
	id          uint32
	after       uint64 // where it was asked to begin
	answered    bool   // by Resume or Rebuild: frames may come
	replace     bool   // the next batch begins at 0 and replaces the copy
	incarnation millpond.Incarnation
	credit      credit
	queue       []queued // batches behind the busy one

	parts  millpond.Assembly // of a record that is not whole yet
	parked int               // bytes of frames of parts that count as held
	large  bool              // it is the one stream that may be beyond its window
}

// queued is a batch and the size of its frame.
type queued struct {
	batch millpond.Batch
	bytes int
	large bool // it ends that the stream may be beyond its window
}

// applying is a batch that is with the shell, and the subscription that it came by.
type applying struct {
	id    uint32
	bytes int
	large bool
}

func (in Subscribe) step(m *Machine) {
	if m.phase == closed {
		return
	}
	s := m.streams[in.Name]
	if s == nil {
		s = &stream{name: in.Name, position: in.Position, maxOffset: in.Position.Offset, retryAt: Never}
		m.streams[in.Name] = s
	}
	if !s.wanted {
		s.wanted = true
		m.changed = true
		m.subscribe(s)
	}
}

func (in Unsubscribe) step(m *Machine) {
	s := m.streams[in.Name]
	if s == nil {
		return
	}
	s.wanted = false
	m.leave(s)
	m.forgetUnwanted(s)
	m.changed = true
}

func (m *Machine) forgetUnwanted(s *stream) {
	if !s.wanted && s.busy == nil {
		delete(m.streams, s.name)
	}
}

// subscribe subscribes to a stream if it is time to: it is called each time that one of the obstacles goes away.
func (m *Machine) subscribe(s *stream) {
	if m.phase != ready || m.leaving() || !s.wanted || s.busy != nil || s.sub.id != 0 || s.retryAt != Never {
		return
	}
	m.lastID++
	window := m.window()
	s.sub = subscription{id: m.lastID, after: s.position.Offset, credit: credit{granted: window}}
	msg := &millpond.Subscribe{ID: m.lastID, Stream: s.name, Credit: window}
	if s.mismatches >= MaxMismatches {
		s.sub.after = 0
	}
	msg.After = &s.sub.after
	if s.sub.after > 0 {
		hash := s.position.Hash
		msg.Incarnation, msg.Hash = s.position.Incarnation, &hash
	}
	m.changed = true
	m.send(msg)
}

// end forgets the subscription and what waits of it.
func (s *stream) end() { s.sub = subscription{} }

// leave ends the subscription from this side.
func (m *Machine) leave(s *stream) {
	if s.sub.id != 0 {
		m.send(&millpond.Unsubscribe{ID: s.sub.id})
		s.end()
	}
}

// subscribed is the stream with the subscription; nil when it has ended.
func (m *Machine) subscribed(id uint32) *stream {
	for _, s := range m.streams {
		if s.sub.id == id && id != 0 {
			return s
		}
	}
	return nil
}

func (m *Machine) resume(msg *millpond.Resume) {
	s := m.subscribed(msg.ID)
	if s == nil {
		return
	}
	if msg.After != s.sub.after || msg.After > 0 && (msg.Incarnation != s.position.Incarnation || msg.Hash != s.position.Hash) {
		m.leave(s)
		m.mismatch(s, fmt.Sprintf("the server resumes after %d, not after the copy's offset %d with its hash", msg.After, s.position.Offset))
		return
	}
	m.answered(s, msg.Incarnation, msg.MaxOffset)
	if s.position.Offset == msg.MaxOffset && !s.sub.replace {
		s.healed() // nothing to apply: the answer itself says that the copy is whole
	}
}

func (m *Machine) rebuild(msg *millpond.Rebuild) {
	if s := m.subscribed(msg.ID); s != nil {
		s.sub.after = 0
		m.answered(s, msg.Incarnation, msg.MaxOffset)
	}
}

func (m *Machine) answered(s *stream, incarnation millpond.Incarnation, maxOffset uint64) {
	s.sub.answered = true
	s.sub.replace = s.sub.after == 0
	s.sub.incarnation = incarnation
	s.maxOffset = maxOffset
	m.changed = true
}

// unsubscribed follows an end that the server decided on.
func (m *Machine) unsubscribed(msg *millpond.Unsubscribed) {
	s := m.subscribed(msg.ID)
	if s == nil {
		return
	}
	s.end()
	switch msg.Reason {
	case millpond.EndReset, millpond.EndKilled: // nothing is wrong: go on from the position
		m.retry(s)
	default:
		m.fail(s, &Problem{millpond.Error{Code: millpond.Unavailable,
			Message: "the server ended the subscription: " + string(msg.Reason)}, millpond.Retry})
	}
}

// refused follows an ErrorMessage for a subscription.
func (m *Machine) refused(id uint32, err millpond.Error) {
	s := m.subscribed(id)
	if s == nil {
		return
	}
	s.end()
	m.fail(s, &Problem{err, err.Code.Action()})
}

// mismatch fails a stream of which the server and the copy disagree.
func (m *Machine) mismatch(s *stream, why string) {
	s.mismatches++
	m.fail(s, &Problem{millpond.Error{Code: millpond.Internal, Message: why}, millpond.Retry})
}

// fail marks a stream without a subscription as failed. Where retrying cannot help, the next connection tries again.
func (m *Machine) fail(s *stream, problem *Problem) {
	s.problem = problem
	m.changed = true
	if problem.Action == millpond.Retry {
		m.retry(s)
	}
}

func (m *Machine) retry(s *stream) {
	s.retryAt = m.now + m.backoff(s.failures)
	s.failures++
	m.changed = true
}

// healed forgets the failures of a stream.
func (s *stream) healed() {
	s.failures, s.mismatches, s.problem = 0, 0, nil
}
