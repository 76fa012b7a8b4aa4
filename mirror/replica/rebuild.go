package replica

import (
	"cmp"
	"fmt"
	"time"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Idler is a further ability of a [Fold]: to say that it makes nothing of a stream's events now. When no fold does, a copy that was
// built again takes the place of the old one without being read.
type Idler interface {
	Idle(name millpond.Name) bool
}

func (s *stream) nextID() int64 {
	if s.next == nil {
		return 0
	}
	return s.next.copyID
}

// build adds a batch to the copy that is being built, and has it serve when it has come far enough.
func (r *Replica) build(name millpond.Name, s stream, batch *millpond.Batch) (stream, error) {
	position, err := r.insert(*s.next, batch, nil)
	if err != nil {
		return s, err
	}
	s.next.Position = position
	if position.Offset < s.next.target {
		return s, r.stmt.writeCopy(s.id, *s.next)
	}
	s.maxOffset = max(batch.MaxOffset, position.Offset)
	return r.promote(name, s)
}

// promote has the next copy of a stream take the place of the one that serves, inside a transaction.
func (r *Replica) promote(name millpond.Name, s stream) (stream, error) {
	old := s.copyID
	s.copied, s.next = *s.next, nil
	for _, f := range r.folds {
		if err := f.Begin(name, s.Incarnation, true); err != nil {
			return s, err
		}
	}
	if err := r.refold(name, s.copyID); err != nil {
		return s, err
	}
	for _, f := range r.folds {
		if err := f.End(); err != nil {
			return s, err
		}
	}
	return s, cmp.Or(
		r.stmt.deleteCopyRow(s.copyID),
		r.stmt.dropCopy(old),
		r.stmt.writeStream(s),
	)
}

// refold gives all events of a copy to the folds that make something of them.
func (r *Replica) refold(name millpond.Name, copyID int64) error {
	var busy []Fold
	for _, f := range r.folds {
		if i, ok := f.(Idler); !ok || !i.Idle(name) {
			busy = append(busy, f)
		}
	}
	last := uint64(0)
	for len(busy) > 0 {
		events, err := r.stmt.eventsAfter(copyID, last)
		if err != nil || len(events) == 0 {
			return err
		}
		for i := range events {
			for _, f := range busy {
				if err := f.Event(&events[i]); err != nil {
					return err
				}
			}
			last = events[i].Offset
		}
	}
	return nil
}

// eventsAfter is some events of a copy, as its rows have them.
func (s *statements) eventsAfter(copyID int64, offset uint64) (events []millpond.Event, err error) {
	err = cmp.Or(s.selectEvents.BindInt64(1, copyID), s.selectEvents.BindInt64(2, int64(offset)), s.selectEvents.BindInt64(3, refoldedRows))
	if err != nil {
		return nil, err
	}
	size := 0
	err = sqlite.Each(s.selectEvents, func(row sqlite.Stmt) error {
		if size < refoldedBytes { // the next call has the rest
			events = append(events, eventOf(row))
			size += len(events[len(events)-1].Payload)
		}
		return nil
	})
	return events, err
}

func eventOf(row sqlite.Stmt) millpond.Event {
	e := millpond.Event{
		Offset:         uint64(row.ColumnInt64(0)),
		Type:           row.ColumnText(1),
		CreatedAt:      time.UnixMicro(row.ColumnInt64(2)).UTC(),
		IdempotencyKey: row.ColumnText(3),
		Metadata:       row.ColumnBlob(6),
		Payload:        row.ColumnBlob(7),
	}
	if slug, version := row.ColumnText(4), row.ColumnText(5); slug != "" || version != "" {
		e.Source = &millpond.Source{Processor: millpond.ProcessorID{Slug: slug, Version: version}}
	}
	return e
}

// Promote has the copy that is being built serve as it is, though it is not complete: for who has no room for two. It does nothing
// when none is. The rows of the old one go with the next calls of Collect.
func (r *Replica) Promote(name millpond.Name) error {
	_, err := r.try(name, func(s stream) (stream, error) {
		if s.next == nil {
			return s, nil
		}
		s.maxOffset = max(s.next.target, s.next.Offset)
		return r.promote(name, s)
	})
	if err != nil {
		return fmt.Errorf("promote the next copy of %s: %w", name, asCorrupt(err))
	}
	return nil
}

// Garbage reports whether Collect has something to do.
func (r *Replica) Garbage() bool { return len(r.garbage) > 0 }

// Collect deletes some of the rows of copies that nobody sees any more, in a transaction of its own.
func (r *Replica) Collect() error {
	if err := r.load(); err != nil {
		return fmt.Errorf("delete an old copy: %w", asCorrupt(err))
	}
	if len(r.garbage) == 0 {
		return nil
	}
	id, left := r.garbage[0], true
	err := r.transact(func() error {
		err := cmp.Or(r.stmt.deleteRows.BindInt64(1, id), r.stmt.deleteRows.BindInt64(2, collectedRows))
		if err == nil {
			err = r.stmt.deleteRows.Exec()
		}
		if left = r.conn.Changes() == collectedRows; err == nil && !left {
			err = r.stmt.deleteCopyRow(id)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete an old copy: %w", asCorrupt(err))
	}
	if !left {
		r.garbage = r.garbage[1:]
	}
	return nil
}

// unusedCopy is an id that no copy has.
func (s *statements) unusedCopy() (id int64, err error) {
	err = sqlite.Each(s.newCopy, func(row sqlite.Stmt) error {
		id = row.ColumnInt64(0)
		return nil
	})
	return id, err
}

// writeCopy writes a copy that is being built of a stream.
func (s *statements) writeCopy(streamID int64, c copied) error {
	err := cmp.Or(
		s.insertCopy.BindInt64(1, c.copyID),
		s.insertCopy.BindInt64(2, streamID),
		s.insertCopy.BindText(3, string(c.Incarnation)),
		s.insertCopy.BindInt64(4, int64(c.Offset)),
		s.insertCopy.BindInt64(5, int64(c.Hash)),
		s.insertCopy.BindInt64(6, int64(c.target)),
	)
	if err != nil {
		return err
	}
	return s.insertCopy.Exec()
}

// dropCopy has a copy deleted by and by.
func (s *statements) dropCopy(id int64) error { return s.writeCopy(0, copied{copyID: id}) }

func (s *statements) deleteCopyRow(id int64) error {
	if err := s.deleteCopy.BindInt64(1, id); err != nil {
		return err
	}
	return s.deleteCopy.Exec()
}
