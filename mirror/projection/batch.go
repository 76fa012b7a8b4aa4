package projection

import (
	"fmt"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/jsonb"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// batch is events of one stream that are being folded, inside a transaction.
type batch struct {
	stream      millpond.Name
	id          int64
	incarnation millpond.Incarnation
	targets     []target
	first, last uint64 // offsets

	events []millpond.Event // that a target consumes, and that are not folded yet
	text   []byte           // of their JSON
	chosen []millpond.Event // of events, for one target
}

// target is a version, and how it is with the stream.
type target struct {
	*version
	offset  uint64
	takes   bool // it takes the events of the batch
	fresh   bool // its rows have been cleared: it is to be written although no event comes
	failed  bool // it has stopped, before this batch
	failure *failure
}

// failure is why a projection has stopped at an event.
type failure struct {
	incarnation millpond.Incarnation // of the stream
	offset      uint64
	reason      string
}

// Begin begins a batch of the stream's events, inside the transaction that stores them. replace says that the stream's
// copy so far goes in the same transaction, and so do the rows made of it.
func (s *Set) Begin(name millpond.Name, incarnation millpond.Incarnation, replace bool) error {
	s.batch.reset(name, incarnation)
	if len(s.versions) == 0 {
		return nil
	}
	id, err := s.streamOf(name)
	if err != nil {
		return err
	}
	return s.begin(&s.batch, id, s.versions, replace)
}

func (b *batch) reset(name millpond.Name, incarnation millpond.Incarnation) {
	clear(b.events)
	clear(b.chosen)
	*b = batch{stream: name, incarnation: incarnation, targets: b.targets[:0], events: b.events[:0], text: b.text[:0], chosen: b.chosen[:0]}
}

// begin reads how far the versions are with the stream, and clears those that are with another life of it.
func (s *Set) begin(b *batch, id int64, versions []*version, replace bool) error {
	b.id = id
	for _, v := range versions {
		b.targets = append(b.targets, target{version: v})
	}
	if err := bind(s.stmt.positions, []any{id}); err != nil {
		return err
	}
	err := sqlite.Each(s.stmt.positions, func(row sqlite.Stmt) error {
		for i := range b.targets {
			t := &b.targets[i]
			if t.id == row.ColumnInt64(0) {
				t.offset, t.failed = uint64(row.ColumnInt64(2)), row.ColumnInt64(3) == 1
				t.fresh = row.ColumnText(1) != string(b.incarnation)
			}
		}
		return nil
	})
	for i := range b.targets {
		t := &b.targets[i]
		if t.fresh = t.fresh || replace; t.fresh && err == nil {
			t.offset, t.failed = 0, false
			err = s.clear(t.version, id)
		}
		if f := s.failed[place{t.id, id}]; f != nil && f.incarnation == b.incarnation {
			t.failed, t.failure = true, f
		}
	}
	return err
}

// clear takes a stream's rows out of a version's tables.
func (s *Set) clear(v *version, stream int64) error {
	delete(s.memory, place{v.id, stream})
	for _, table := range v.tables {
		stmt, _, err := s.conn.Prepare("DELETE FROM " + quoteName(v.physical(table)) + " WHERE stream_id = ?")
		if err != nil {
			return err
		}
		err = run(stmt, stream)
		if closing := stmt.Close(); err == nil {
			err = closing
		}
		if err != nil {
			return fmt.Errorf("clear table %s of projection %s: %w", table, v.name, err)
		}
	}
	s.note(v)
	return run(s.stmt.forget, stream, v.id)
}

// note says that a version's tables are written.
func (s *Set) note(v *version) {
	if v.serving {
		for _, table := range v.tables {
			s.wrote[table] = struct{}{}
		}
	}
	s.wrote[positionsTable] = struct{}{}
}

// Event is the next event of the batch.
func (s *Set) Event(e *millpond.Event) error {
	if len(s.versions) == 0 {
		return nil
	}
	return s.add(&s.batch, e)
}

func (s *Set) add(b *batch, e *millpond.Event) error {
	if b.first == 0 {
		b.first = e.Offset
		for i := range b.targets {
			t := &b.targets[i]
			t.takes = !t.failed && t.projection != nil && t.offset+1 == e.Offset
			s.behind = s.behind || !t.takes && !t.failed
		}
	}
	b.last = e.Offset
	wanted := false
	for i := range b.targets {
		wanted = wanted || b.targets[i].takes && b.targets[i].consumes(e.Type)
	}
	if !wanted {
		return nil
	}
	b.keep(e)
	if len(b.events) >= maxBatch || len(b.text) >= maxBatchBytes {
		return s.flush(b)
	}
	return nil
}

// keep keeps an event as it would be read from the mirror's tables.
func (b *batch) keep(e *millpond.Event) {
	kept := *e
	kept.CreatedAt = e.CreatedAt.Truncate(microsecond).UTC()
	kept.Payload, kept.Metadata = b.json(e.Payload), b.json(e.Metadata)
	b.events = append(b.events, kept)
}

func (b *batch) json(text []byte) []byte {
	if text == nil {
		return nil
	}
	start := len(b.text)
	b.text = jsonb.Compact(b.text, text)
	return b.text[start:len(b.text):len(b.text)]
}

// flush folds the events that are kept.
func (s *Set) flush(b *batch) error {
	for i := range b.targets {
		t := &b.targets[i]
		if !t.takes {
			continue
		}
		events := b.events
		if !t.all {
			events = b.chosen[:0]
			for j := range b.events {
				if t.consumes(b.events[j].Type) {
					events = append(events, b.events[j])
				}
			}
			b.chosen = events
		}
		var err error
		if t.failure, err = s.fold(t.version, b, events); err != nil {
			return err
		}
		t.offset = b.last
		if t.failure != nil {
			t.takes, t.failed, t.offset = false, true, t.failure.offset-1
		}
	}
	b.events, b.text = b.events[:0], b.text[:0]
	return nil
}

// End is the end of the batch, still inside the transaction.
func (s *Set) End() error {
	if len(s.versions) == 0 {
		return nil
	}
	return s.end(&s.batch)
}

func (s *Set) end(b *batch) error {
	if err := s.flush(b); err != nil {
		return err
	}
	for i := range b.targets {
		t := &b.targets[i]
		var err error
		switch {
		case t.failure != nil:
			s.changed = true
			s.wrote[positionsTable] = struct{}{}
			err = run(s.stmt.fail, b.id, t.id, string(b.incarnation), t.offset, t.failure.offset, t.failure.reason)
		case t.takes || t.fresh:
			s.wrote[positionsTable] = struct{}{}
			err = run(s.stmt.move, b.id, t.id, string(b.incarnation), t.offset)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Committed says that the transaction of the batch has been committed.
func (s *Set) Committed() { s.committed(&s.batch) }

func (s *Set) committed(b *batch) {
	for i := range b.targets {
		if b.targets[i].failure != nil {
			delete(s.failed, place{b.targets[i].id, b.id}) // it is written
		}
	}
	b.reset(millpond.Name{}, "")
}

// RolledBack says that the transaction was not committed, or that nobody knows.
func (s *Set) RolledBack() { s.rolledBack(&s.batch) }

func (s *Set) rolledBack(b *batch) {
	for i := range b.targets {
		delete(s.memory, place{b.targets[i].id, b.id})
	}
	b.reset(millpond.Name{}, "")
}

// Idle reports that there is nothing to be made of events.
func (s *Set) Idle(millpond.Name) bool { return len(s.versions) == 0 }
