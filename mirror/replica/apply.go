package replica

import (
	"fmt"
	"math"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
)

// Apply adds a batch to the copy of a stream and moves its position, in one transaction, and returns the new position. The
// first batch of a stream begins its copy.
//
// The batch must be of the incarnation that the copy is of, and continue it without a gap. Events that the copy holds
// already are compared with it and left alone. The batch's LastOffset must be the offset of its last record: a mirror
// subscribes without a filter. A batch without records tells only the stream's MaxOffset.
//
// On failure nothing has changed; see the errors of this package.
func (r *Replica) Apply(name millpond.Name, incarnation millpond.Incarnation, batch *millpond.Batch) (millpond.Position, error) {
	return r.write(name, incarnation, batch, false)
}

// Rebuild replaces the copy of a stream by the batch, which begins at offset 1, in one transaction: old and new rows are
// never visible together. Otherwise it is as Apply.
func (r *Replica) Rebuild(name millpond.Name, incarnation millpond.Incarnation, batch *millpond.Batch) (millpond.Position, error) {
	return r.write(name, incarnation, batch, true)
}

func (r *Replica) write(name millpond.Name, incarnation millpond.Incarnation, batch *millpond.Batch, replace bool) (millpond.Position, error) {
	after, err := r.try(name, incarnation, batch, replace)
	for projection.Again(err) { // less often than there are projections
		after, err = r.try(name, incarnation, batch, replace)
	}
	if err != nil {
		return millpond.Position{}, fmt.Errorf("apply to %s: %w", name, asCorrupt(err))
	}
	r.streams[name] = after
	return after.Position, nil
}

// try writes a batch in a transaction, and tells the folds what became of it.
func (r *Replica) try(name millpond.Name, incarnation millpond.Incarnation, batch *millpond.Batch, replace bool) (after stream, err error) {
	if err := r.load(); err != nil {
		return after, err
	}
	err = r.transact(func() (err error) {
		after, err = r.fold(name, incarnation, batch, replace)
		return err
	})
	for _, f := range r.folds {
		if err == nil {
			f.Committed()
		} else {
			f.RolledBack()
		}
	}
	return after, err
}

// fold writes a batch and its position, inside a transaction, and returns what the stream is after it.
func (r *Replica) fold(name millpond.Name, incarnation millpond.Incarnation, batch *millpond.Batch, replace bool) (stream, error) {
	s, known := r.streams[name]
	switch {
	case incarnation == "":
		return s, fmt.Errorf("%w: the batch has none", ErrOtherIncarnation)
	case batch.MaxOffset > math.MaxInt64:
		return s, fmt.Errorf("%w: the stream's last offset %d is over what SQLite holds", ErrRecord, batch.MaxOffset)
	case known && replace:
		if err := r.stmt.dropEvents(s.id); err != nil {
			return s, err
		}
		s = stream{id: s.id}
	case known && s.Incarnation != incarnation:
		return s, fmt.Errorf("%w: %s, the batch is of %s", ErrOtherIncarnation, s.Incarnation, incarnation)
	case !known:
		id, err := r.stmt.addStream(r.conn, name)
		if err != nil {
			return s, err
		}
		s.id = id
	}
	s.Incarnation = incarnation
	for _, f := range r.folds {
		if err := f.Begin(name, incarnation, replace); err != nil {
			return s, err
		}
	}
	position, err := r.insert(s, batch)
	if err != nil {
		return s, err
	}
	s.Position = position
	s.maxOffset = max(s.maxOffset, batch.MaxOffset, s.Offset)
	for _, f := range r.folds {
		if err := f.End(); err != nil {
			return s, err
		}
	}
	return s, r.stmt.writeStream(s)
}

// insert inserts those records of a batch that are not stored yet, compares the others with what is, and returns the
// position after it.
func (r *Replica) insert(s stream, batch *millpond.Batch) (millpond.Position, error) {
	at, err := r.start(s, batch.Records)
	if err != nil {
		return at, err
	}
	if err := r.rows.begin(s.id, r.now().UnixMicro()); err != nil {
		return at, err
	}
	record, rest, err := millpond.NextRecord(batch.Records)
	for ; record != nil; record, rest, err = millpond.NextRecord(rest) {
		if err := millpond.DecodeRecord(record, &r.event); err != nil {
			return at, fmt.Errorf("%w after offset %d: %w", ErrRecord, at.Offset, err)
		}
		if r.event.Offset != at.Offset+1 {
			return at, fmt.Errorf("%w: %d after %d", ErrGap, r.event.Offset, at.Offset)
		}
		at.Offset, at.Hash = r.event.Offset, at.Hash.Next(record)
		if at.Offset <= s.Offset {
			err = r.compare(s.id, at)
		} else {
			err = r.insertEvent(at.Hash, batch.LastOffset-at.Offset+1)
		}
		if err != nil {
			return at, fmt.Errorf("offset %d: %w", at.Offset, err)
		}
	}
	switch {
	case err != nil:
		return at, fmt.Errorf("%w after offset %d: %w", ErrRecord, at.Offset, err)
	case at.Offset != batch.LastOffset:
		return at, fmt.Errorf("%w: the batch ends at %d, its records at %d", ErrGap, batch.LastOffset, at.Offset)
	case at.Hash != batch.Hash:
		return at, fmt.Errorf("%w: at offset %d it is %s, the batch has %s", ErrHash, at.Offset, at.Hash, batch.Hash)
	case at.Offset < s.Offset: // all of it was stored already
		return s.Position, nil
	}
	return at, nil
}

// insertEvent writes the event in hand, and gives it to the folds. left is as in [rowWriter.insert].
func (r *Replica) insertEvent(hash millpond.Hash, left uint64) error {
	if err := r.rows.insert(&r.event, hash, left); err != nil {
		return err
	}
	for _, f := range r.folds {
		if err := f.Event(&r.event); err != nil {
			return err
		}
	}
	return nil
}

// start is the position before the first record: the stream's own, or an earlier one when the batch overlaps the copy.
func (r *Replica) start(s stream, records []byte) (millpond.Position, error) {
	at := s.Position
	record, _, err := millpond.NextRecord(records)
	if err != nil || record == nil {
		return at, nil // insert reads it again, and says what is wrong
	}
	first := millpond.RecordOffset(record)
	if first == 0 || first > s.Offset {
		return at, nil
	}
	at.Offset = first - 1
	at.Hash, err = r.stmt.hashAt(s.id, at.Offset)
	return at, err
}

// compare fails with ErrDiverged unless the stored event at the offset has the same log hash. The hash is of all records
// up to there, so it stands for the event's bytes, which the replica does not keep.
func (r *Replica) compare(streamID int64, at millpond.Position) error {
	stored, err := r.stmt.hashAt(streamID, at.Offset)
	if err == nil && stored != at.Hash {
		err = ErrDiverged
	}
	return err
}
