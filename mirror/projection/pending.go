package projection

import (
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Pending is events that were appended here, and that the server may not have yet.
type Pending struct {
	Stream millpond.Name
	Events []millpond.Event // their offsets are not looked at
}

// WithPending calls fn while the tables that serve are what they would be if the server had committed the pending events next, in
// their order: each gets the offset that it would get. All that is in a transaction that is rolled back before WithPending returns,
// so nothing of it is ever committed. fn may only read. What is not pending is as it is, the table events among it.
//
// A projection that fails on a pending event is shown as it is before that, and its row in projections says so. One that is not up
// to date with a stream is shown as it is.
func (s *Set) WithPending(pending []Pending, fn func() error) error {
	if len(pending) == 0 || len(s.versions) == 0 {
		return fn()
	}
	memory, failed, wrote, behind, changed := s.memory, s.failed, s.wrote, s.behind, s.changed
	defer func() { s.memory, s.failed, s.wrote, s.behind, s.changed = memory, failed, wrote, behind, changed }()
	s.memory, s.failed, s.wrote = map[place]any{}, map[place]*failure{}, map[string]struct{}{}
	for {
		called := false
		err := s.pretend(func() error {
			if err := s.foldPending(pending); err != nil {
				return fmt.Errorf("fold what is pending: %w", err)
			}
			called = true
			return fn()
		})
		if called || !Again(err) {
			return err
		}
		clear(s.memory)
	}
}

// pretend runs fn in a transaction that is rolled back.
func (s *Set) pretend(fn func() error) (err error) {
	if err := s.stmt.begin.Exec(); err != nil {
		return err
	}
	defer func() {
		if !s.conn.InTransaction() {
			return
		}
		if failed := s.stmt.rollback.Exec(); failed != nil && err == nil {
			err = fmt.Errorf("take back what is pending: %w", failed)
		}
	}()
	return fn()
}

func (s *Set) foldPending(pending []Pending) error {
	streams := map[millpond.Name][]*millpond.Event{}
	var order []millpond.Name
	for i := range pending {
		p := &pending[i]
		if streams[p.Stream] == nil {
			order = append(order, p.Stream)
		}
		for j := range p.Events {
			streams[p.Stream] = append(streams[p.Stream], &p.Events[j])
		}
	}
	var serving []*version
	for _, v := range s.versions {
		if v.serving && v.projection != nil {
			serving = append(serving, v)
		}
	}
	for _, name := range order {
		if err := s.foldOnTop(name, streams[name], serving); err != nil {
			return err
		}
	}
	return nil
}

// foldOnTop folds events as the next ones of a stream, which may be one that there is no copy of.
func (s *Set) foldOnTop(name millpond.Name, events []*millpond.Event, versions []*version) error {
	if err := run(s.stmt.addStream, name.Namespace, name.Path); err != nil {
		return err
	}
	id, err := s.streamOf(name)
	if err != nil {
		return err
	}
	head, incarnation, err := s.headOf(id)
	if err != nil {
		return err
	}
	var b batch
	b.reset(name, incarnation)
	if err := s.begin(&b, id, versions, false); err != nil {
		return err
	}
	for i, e := range events {
		next := *e
		next.Offset = head + uint64(i) + 1
		if err := s.add(&b, &next); err != nil {
			return err
		}
	}
	return s.end(&b)
}

func (s *Set) headOf(stream int64) (offset uint64, incarnation millpond.Incarnation, err error) {
	if err := bind(s.stmt.head, []any{stream}); err != nil {
		return 0, "", err
	}
	err = sqlite.Each(s.stmt.head, func(row sqlite.Stmt) error {
		offset, incarnation = uint64(row.ColumnInt64(0)), millpond.Incarnation(row.ColumnText(1))
		return nil
	})
	return offset, incarnation, err
}

// PendingOf is an append of an outbox as pending events: the inputs as they are sent, a JSON array, and the time that their rows show.
func PendingOf(name millpond.Name, inputs []byte, at time.Time) (Pending, error) {
	list, _, err := millpond.ParseInputs(inputs)
	p := Pending{Stream: name, Events: make([]millpond.Event, len(list))}
	for i, in := range list {
		p.Events[i] = millpond.Event{Type: in.Type, Payload: in.Payload, Metadata: in.Metadata, Source: in.Source,
			IdempotencyKey: in.IdempotencyKey, CreatedAt: at}
	}
	return p, err
}
