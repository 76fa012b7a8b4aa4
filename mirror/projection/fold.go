package projection

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millpond-dev/millpond"
)

const microsecond = time.Microsecond

// fold gives events to a version. When one fails, the failure says which: those before it are folded. An error is not the
// version's, or has taken the transaction with it.
func (s *Set) fold(v *version, b *batch, events []millpond.Event) (*failure, error) {
	if len(events) == 0 {
		return nil, nil
	}
	fault, err := s.attempt(v, b, events)
	if fault == nil || err != nil {
		return nil, err
	}
	if len(events) > 1 && !errors.Is(fault, ErrTooSlow) {
		for i := range events {
			if fault, err = s.attempt(v, b, events[i:i+1]); err != nil {
				return nil, err
			}
			if fault != nil {
				return newFailure(b, events[i].Offset, fault), nil
			}
		}
		return nil, nil
	}
	return newFailure(b, events[0].Offset, fault), nil
}

func newFailure(b *batch, offset uint64, why error) *failure {
	const most = 500
	reason := strings.TrimPrefix(why.Error(), "sqlite: ")
	if len(reason) > most {
		reason = strings.ToValidUTF8(reason[:most], "") + "…"
	}
	return &failure{b.incarnation, offset, reason}
}

// attempt calls Apply in a savepoint. A fault is the version's, and all that the call did is taken back.
func (s *Set) attempt(v *version, b *batch, events []millpond.Event) (fault, err error) {
	if err := s.stmt.save.Exec(); err != nil {
		return nil, err
	}
	s.note(v)
	fault = s.call(v, b, events)
	if fault == nil {
		return nil, s.stmt.release.Exec()
	}
	at := place{v.id, b.id}
	delete(s.memory, at)
	switch {
	case storageFault(fault):
		return nil, fmt.Errorf("projection %s: %w", v.name, fault)
	case !s.conn.InTransaction(): // SQLite takes all back when it has to stop in the middle of a write
		s.failed[at] = newFailure(b, events[0].Offset, fault)
		return nil, fmt.Errorf("%w: %s: %w", errAgain, v.name, fault)
	}
	if err = s.stmt.undo.Exec(); err == nil {
		err = s.stmt.release.Exec()
	}
	return fault, err
}

// call calls Apply, and makes an error of a panic and of too much time.
func (s *Set) call(v *version, b *batch, events []millpond.Event) (err error) {
	at := place{v.id, b.id}
	tx := &Tx{Stream: b.stream, StreamID: b.id, Memory: s.memory[at], set: s, version: v}
	budget := applyTime + time.Duration(len(events))*eventTime
	start, asked := s.now(), 0
	slow := func() bool { return s.now().Sub(start) > budget }
	s.conn.OnProgress(func() bool {
		asked++
		return asked%asksPerLook == 0 && slow()
	})
	defer func() {
		s.conn.OnProgress(nil)
		if p := recover(); p != nil {
			err = fmt.Errorf("it has panicked: %v", p)
		}
		if err == nil {
			err = tx.failure // which Apply has passed over
		}
		switch {
		case slow():
			err = fmt.Errorf("%w: %d events took more than %v", ErrTooSlow, len(events), budget)
		case err == nil:
			s.remember(at, tx.Memory)
		}
	}()
	return v.projection.Apply(tx, events)
}

// remember keeps what Apply has left in Tx.Memory, for so many streams.
func (s *Set) remember(at place, memory any) {
	if memory == nil {
		delete(s.memory, at)
		return
	}
	if _, known := s.memory[at]; !known && len(s.memory) >= maxKept*len(s.versions) {
		clear(s.memory)
	}
	s.memory[at] = memory
}
