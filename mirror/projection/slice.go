package projection

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Behind reports whether Step may have something to do: a projection has to be folded from events that the mirror has already.
func (s *Set) Behind() bool { return s.behind }

// Step does a bounded piece of what is behind, in a transaction of its own: it folds a slice of a stream's events, or puts
// a version that has come far enough in the place of the one before.
func (s *Set) Step() error {
	err := s.step()
	if err != nil && !Again(err) {
		return fmt.Errorf("build projections: %w", err)
	}
	return nil
}

func (s *Set) step() error {
	if len(s.failed) > 0 {
		return s.writeFailures()
	}
	for _, v := range s.versions {
		if v.projection == nil {
			continue
		}
		at, found, err := s.next(v)
		if err != nil {
			return err
		}
		if found {
			s.changed = true
			return s.foldSlice(v, at)
		}
		failed, err := s.problem(v)
		if err != nil {
			return err
		}
		if !v.serving && failed == nil {
			s.changed = true
			return s.swap(v)
		}
	}
	s.behind = false
	return nil
}

// writeFailures writes what took its transaction with it.
func (s *Set) writeFailures() error {
	for at := range s.failed {
		var b batch
		err := s.transact(func() error {
			name, incarnation, err := s.nameOf(at.stream)
			if err != nil {
				return err
			}
			b.reset(name, incarnation)
			versions := slices.DeleteFunc(slices.Clone(s.versions), func(v *version) bool { return v.id != at.version })
			if err := s.begin(&b, at.stream, versions, false); err != nil {
				return err
			}
			return s.end(&b)
		})
		if err != nil {
			return err
		}
		delete(s.failed, at)
		return nil
	}
	return nil
}

func (s *Set) nameOf(stream int64) (name millpond.Name, incarnation millpond.Incarnation, err error) {
	if err := bind(s.stmt.name, []any{stream}); err != nil {
		return name, "", err
	}
	err = sqlite.Each(s.stmt.name, func(row sqlite.Stmt) error {
		name = millpond.Name{Namespace: row.ColumnText(0), Path: row.ColumnText(1)}
		incarnation = millpond.Incarnation(row.ColumnText(2))
		return nil
	})
	return name, incarnation, err
}

// stretch is what is to be folded of a stream: the events after from, up to head.
type stretch struct {
	stream      int64
	name        millpond.Name
	incarnation millpond.Incarnation
	from, head  uint64
}

// next is a stream on which the version is behind.
func (s *Set) next(v *version) (at stretch, found bool, err error) {
	if err := bind(s.stmt.next, []any{v.id}); err != nil {
		return at, false, err
	}
	err = sqlite.Each(s.stmt.next, func(row sqlite.Stmt) error {
		found = true
		at = stretch{
			stream:      row.ColumnInt64(0),
			name:        millpond.Name{Namespace: row.ColumnText(1), Path: row.ColumnText(2)},
			incarnation: millpond.Incarnation(row.ColumnText(3)),
			head:        uint64(row.ColumnInt64(4)),
			from:        uint64(row.ColumnInt64(5)),
		}
		return nil
	})
	return at, found, err
}

// foldSlice folds the next events of a stream.
func (s *Set) foldSlice(v *version, at stretch) error {
	start := s.now()
	var b batch
	err := s.transact(func() error {
		b.reset(at.name, at.incarnation)
		if err := s.begin(&b, at.stream, []*version{v}, at.from > at.head); err != nil {
			return err
		}
		return s.readSlice(&b, &b.targets[0], at.head)
	})
	if err != nil {
		s.rolledBack(&b)
		return err
	}
	s.committed(&b)
	switch took := s.now().Sub(start); {
	case took > sliceTime:
		s.slice = max(shortestSlice, s.slice/2)
	case took < sliceTime/2:
		s.slice = min(longestSlice, s.slice*2)
	}
	return nil
}

// readSlice reads events of the mirror and folds them.
func (s *Set) readSlice(b *batch, t *target, head uint64) error {
	first, err := s.kept(b.id)
	if err != nil {
		return err
	}
	t.takes = true
	b.first, b.last = t.offset+1, min(t.offset+s.slice, head)
	if first != t.offset+1 && (first == 0 || first > t.offset) {
		t.takes, t.failure = false, &failure{b.incarnation, t.offset + 1, "its events are not in the mirror any more, so that it cannot be folded from them"}
		return s.end(b)
	}
	var types any
	if !t.all {
		text, err := json.Marshal(t.projection.Consumes)
		if err != nil {
			return err
		}
		types = string(text)
	}
	if err := bind(s.stmt.events, []any{b.id, t.offset, b.last, types}); err != nil {
		return err
	}
	for s.stmt.events.Step() {
		e := readEvent(s.stmt.events)
		b.keep(&e)
		if len(b.events) >= maxBatch || len(b.text) >= maxBatchBytes {
			b.last = e.Offset
			break
		}
	}
	err = s.stmt.events.Err()
	if reset := s.stmt.events.Reset(); err == nil {
		err = reset
	}
	if err != nil {
		return err
	}
	return s.end(b)
}

// kept is the first offset of which the mirror has the event; 0 when it has none.
func (s *Set) kept(stream int64) (first uint64, err error) {
	if err := bind(s.stmt.kept, []any{stream}); err != nil {
		return 0, err
	}
	err = sqlite.Each(s.stmt.kept, func(row sqlite.Stmt) error {
		first = uint64(row.ColumnInt64(0))
		return nil
	})
	return first, err
}

func readEvent(row sqlite.Stmt) millpond.Event {
	e := millpond.Event{
		Offset:         uint64(row.ColumnInt64(0)),
		Type:           row.ColumnText(1),
		CreatedAt:      time.UnixMicro(row.ColumnInt64(2)).UTC(),
		IdempotencyKey: row.ColumnText(3),
		Metadata:       row.ColumnBlob(6),
		Payload:        row.ColumnBlob(7),
	}
	slug, version := row.ColumnText(4), row.ColumnText(5)
	if slug != "" || version != "" {
		e.Source = &millpond.Source{Processor: millpond.ProcessorID{Slug: slug, Version: version}}
	}
	return e
}

// swap puts the tables of a version that is complete in the place of those that serve, in one transaction.
func (s *Set) swap(v *version) error {
	old := s.serving(v.name)
	if err := s.transact(func() error { return s.serve(v, old) }); err != nil {
		return err
	}
	v.serving = true
	s.versions = slices.DeleteFunc(s.versions, func(w *version) bool { return w == old })
	s.note(v)
	return nil
}
