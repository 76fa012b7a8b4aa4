package replica

import (
	"cmp"
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

// Rebuild begins the copy of a stream anew with the batch, which begins at offset 1. The new copy is built beside the one that
// is there, by the calls of Apply that follow, and takes its place when it has come as far as the log was when it was begun: that
// may be at once. Old and new rows are never visible together. Otherwise it is as Apply; the position that is returned is that of
// the new copy. Folds see a new copy as a whole, in the transaction that has it take its place.
func (r *Replica) Rebuild(name millpond.Name, incarnation millpond.Incarnation, batch *millpond.Batch) (millpond.Position, error) {
	return r.write(name, incarnation, batch, true)
}

func (r *Replica) write(name millpond.Name, incarnation millpond.Incarnation, batch *millpond.Batch, replace bool) (millpond.Position, error) {
	after, err := r.try(name, func(s stream) (stream, error) { return r.fold(name, s, incarnation, batch, replace) })
	if err != nil {
		return millpond.Position{}, fmt.Errorf("apply to %s: %w", name, asCorrupt(err))
	}
	if after.next != nil {
		return after.next.Position, nil
	}
	return after.Position, nil
}

// try changes a stream in a transaction, and tells the folds what became of it. It tries again for each projection that has taken
// the transaction with it.
func (r *Replica) try(name millpond.Name, change func(stream) (stream, error)) (after stream, err error) {
	for {
		if err := r.load(); err != nil {
			return after, err
		}
		before := r.streams[name]
		err = r.transact(func() (err error) {
			after, err = change(before)
			return err
		})
		for _, f := range r.folds {
			if err == nil {
				f.Committed()
			} else {
				f.RolledBack()
			}
		}
		if err == nil {
			r.changed(name, before, after)
			return after, nil
		}
		if !projection.Again(err) { // less often than there are projections
			return after, err
		}
	}
}

// changed remembers a stream as a transaction has left it.
func (r *Replica) changed(name millpond.Name, before, after stream) {
	for _, gone := range []int64{before.copyID, before.nextID()} {
		if gone != 0 && gone != after.copyID && gone != after.nextID() {
			r.garbage = append(r.garbage, gone)
		}
	}
	r.streams[name] = after
}

// fold writes a batch and its position, inside a transaction, and returns what the stream is after it.
func (r *Replica) fold(name millpond.Name, s stream, incarnation millpond.Incarnation, batch *millpond.Batch, replace bool) (stream, error) {
	switch {
	case incarnation == "":
		return s, fmt.Errorf("%w: the batch has none", ErrOtherIncarnation)
	case batch.MaxOffset > math.MaxInt64:
		return s, fmt.Errorf("%w: the stream's last offset %d is over what SQLite holds", ErrRecord, batch.MaxOffset)
	case s.id == 0:
		id, err := r.stmt.addStream(r.conn, name)
		if err != nil {
			return s, err
		}
		s.id = id
	}
	if replace || s.copyID == 0 {
		return r.begin(name, s, incarnation, batch)
	}
	if s.next != nil {
		next := *s.next // what is known of the stream stays as it is, should this fail
		s.next = &next
		if next.Incarnation != incarnation {
			return s, fmt.Errorf("%w: %s, the batch is of %s", ErrOtherIncarnation, next.Incarnation, incarnation)
		}
		return r.build(name, s, batch)
	}
	if s.Incarnation != incarnation {
		return s, fmt.Errorf("%w: %s, the batch is of %s", ErrOtherIncarnation, s.Incarnation, incarnation)
	}
	return r.extend(name, s, batch, false)
}

// begin begins a copy anew: beside the one that serves, unless there is none, or the batch is all that there is.
func (r *Replica) begin(name millpond.Name, s stream, incarnation millpond.Incarnation, batch *millpond.Batch) (stream, error) {
	id, err := r.stmt.unusedCopy()
	if err != nil {
		return s, err
	}
	if s.next != nil {
		if err := r.stmt.dropCopy(s.next.copyID); err != nil {
			return s, err
		}
		s.next = nil
	}
	fresh := copied{copyID: id, Position: millpond.Position{Incarnation: incarnation}, target: batch.MaxOffset}
	if s.copyID != 0 && !r.atOnce && batch.LastOffset < batch.MaxOffset {
		s.next = &fresh
		return r.build(name, s, batch)
	}
	replace := s.copyID != 0
	if replace {
		if err := r.stmt.dropCopy(s.copyID); err != nil {
			return s, err
		}
	}
	s.copied, s.maxOffset = fresh, 0
	return r.extend(name, s, batch, replace)
}

// extend adds a batch to the copy that serves, and to what folds make of it.
func (r *Replica) extend(name millpond.Name, s stream, batch *millpond.Batch, replace bool) (stream, error) {
	for _, f := range r.folds {
		if err := f.Begin(name, s.Incarnation, replace); err != nil {
			return s, err
		}
	}
	if planted == "advance the position before the rows" {
		early := s
		early.Offset, early.Hash = batch.LastOffset, batch.Hash
		if err := cmp.Or(r.stmt.writeStream(early), r.stmt.commit.Exec(), r.stmt.begin.Exec()); err != nil {
			return s, err
		}
	}
	position, err := r.insert(s.copied, batch, r.folds)
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
func (r *Replica) insert(c copied, batch *millpond.Batch, folds []Fold) (millpond.Position, error) {
	at, err := r.start(c, batch.Records)
	if err != nil {
		return at, err
	}
	if err := r.rows.begin(c.copyID, r.now().UnixMicro()); err != nil {
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
		if at.Offset <= c.Offset {
			err = r.compare(c.copyID, at)
		} else {
			err = r.insertEvent(at.Hash, batch.LastOffset-at.Offset+1, folds)
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
	case at.Hash != batch.Hash && planted != "ignore the hash":
		return at, fmt.Errorf("%w: at offset %d it is %s, the batch has %s", ErrHash, at.Offset, at.Hash, batch.Hash)
	case at.Offset < c.Offset: // all of it was stored already
		return c.Position, nil
	}
	return at, nil
}

// insertEvent writes the event in hand, and gives it to the folds. left is as in [rowWriter.insert].
func (r *Replica) insertEvent(hash millpond.Hash, left uint64, folds []Fold) error {
	if err := r.rows.insert(&r.event, hash, left); err != nil {
		return err
	}
	for _, f := range folds {
		if err := f.Event(&r.event); err != nil {
			return err
		}
	}
	return nil
}

// start is the position before the first record: the copy's own, or an earlier one when the batch overlaps the copy.
func (r *Replica) start(c copied, records []byte) (millpond.Position, error) {
	at := c.Position
	record, _, err := millpond.NextRecord(records)
	if err != nil || record == nil {
		return at, nil // insert reads it again, and says what is wrong
	}
	first := millpond.RecordOffset(record)
	if first == 0 || first > c.Offset {
		return at, nil
	}
	at.Offset = first - 1
	at.Hash, err = r.stmt.hashAt(c.copyID, at.Offset)
	return at, err
}

// compare fails with ErrDiverged unless the stored event at the offset has the same log hash. The hash is of all records
// up to there, so it stands for the event's bytes, which the replica does not keep.
func (r *Replica) compare(copyID int64, at millpond.Position) error {
	stored, err := r.stmt.hashAt(copyID, at.Offset)
	if err == nil && stored != at.Hash {
		err = ErrDiverged
	}
	return err
}
