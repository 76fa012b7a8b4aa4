package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Commit commits the batches.
func (s *Store) Commit(ctx context.Context, batches []store.Batch) error {
	w, err := s.writer.get(ctx)
	if err != nil {
		return err
	}
	defer s.writer.put(w)
	if err := s.transact(w, batches); err != nil {
		return fmt.Errorf("commit: %w", s.explain(err))
	}
	return nil
}

func (s *Store) transact(w *writer, batches []store.Batch) error {
	if err := w.begin.Exec(); err != nil {
		return err
	}
	garbage, err := s.write(w, batches)
	if err == nil {
		err = w.commit.Exec()
	}
	if err != nil {
		if !w.conn.GetAutocommit() { // some failures roll back by themselves
			err = errors.Join(err, w.rollback.Exec())
		}
		return err
	}
	s.garbage = garbage
	return nil
}

// write does what is inside the transaction, and reports whether it leaves garbage.
func (s *Store) write(w *writer, batches []store.Batch) (garbage bool, err error) {
	garbage = s.garbage
	for i := range batches {
		b := &batches[i]
		if b.Replaces != "" {
			garbage = true
			if err := w.deleteStream(store.Stream{Name: b.Stream.Name, Incarnation: b.Replaces}); err != nil {
				return false, err
			}
		}
		if err := w.appendBatch(b); err != nil {
			return false, fmt.Errorf("stream %s: %w", b.Stream.Name, err)
		}
	}
	if garbage {
		return w.sweepGarbage()
	}
	return false, nil
}

func (w *writer) deleteStream(stream store.Stream) error {
	if err := bindStream(w.remove, stream); err != nil {
		return err
	}
	id, found, err := row(w.remove)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("stream %s: %w: it is not there to be replaced", stream.Name, store.ErrConflict)
	}
	return errors.Join(w.discard.BindInt64(1, id), w.discard.Exec())
}

func (w *writer) appendBatch(b *store.Batch) error {
	id, err := w.head(b)
	if err != nil {
		return err
	}
	for i := range b.Records {
		if err := w.insertRecord(id, b.After+1+uint64(i), &b.Records[i]); err != nil {
			return err
		}
	}
	for _, c := range b.Checkpoints {
		if err := w.keepCheckpoint(id, c); err != nil {
			return err
		}
	}
	if b.Snapshot.Data == nil {
		return nil
	}
	return errors.Join(bindInts(w.snapshot, 1, id, int64(b.Snapshot.Version)),
		w.snapshot.BindBlob(3, b.Snapshot.Data), w.snapshot.Exec())
}

// head moves the head of the batch's stream, or, when it has no records, checks that it is where the batch says. It
// returns the stream's row.
func (w *writer) head(b *store.Batch) (id int64, err error) {
	switch {
	case len(b.Records) > 0:
		return w.moveHead(b)
	case len(b.Checkpoints) == 0 || b.After == 0:
		return 0, fmt.Errorf("%w: it is empty", store.ErrConflict)
	}
	if err := errors.Join(bindStream(w.unmoved, b.Stream), w.unmoved.BindInt64(4, int64(b.After))); err != nil {
		return 0, err
	}
	id, found, err := row(w.unmoved)
	if err == nil && !found {
		err = otherHead(b)
	}
	return id, err
}

func otherHead(b *store.Batch) error {
	return fmt.Errorf("%w: its head is not at offset %d of incarnation %s", store.ErrConflict, b.After, b.Stream.Incarnation)
}

func (w *writer) keepCheckpoint(id int64, c store.Checkpoint) error {
	stmt := w.keep
	if c.Data == nil {
		stmt = w.forget
	} else if err := stmt.BindBlob(3, c.Data); err != nil {
		return err
	}
	return errors.Join(stmt.BindInt64(1, id), stmt.BindText(2, c.Key), stmt.Exec())
}

// moveHead creates the stream or moves its head from b.After to the batch's end. It returns the stream's row.
func (w *writer) moveHead(b *store.Batch) (id int64, err error) {
	end, hash := b.After+uint64(len(b.Records)), b.Records[len(b.Records)-1].Hash
	stmt := w.advance
	if b.After == 0 {
		stmt = w.create
	} else if err := stmt.BindInt64(6, int64(b.After)); err != nil {
		return 0, err
	}
	if err := errors.Join(bindStream(stmt, b.Stream), bindInts(stmt, 4, int64(end), int64(hash))); err != nil {
		return 0, err
	}
	id, found, err := row(stmt)
	if err == nil && !found {
		err = otherHead(b)
	}
	return id, conflict(err, "the stream exists")
}

func (w *writer) insertRecord(id int64, offset uint64, r *store.Record) error {
	if err := bindInts(w.insert, 1, id, int64(offset), int64(r.Hash)); err != nil {
		return err
	}
	bindKey := w.insert.BindNull(4)
	if r.Key != "" {
		bindKey = w.insert.BindText(4, r.Key)
	}
	data, bindSize := r.Data, w.insert.BindNull
	if len(data) > millpond.MaxPartBytes {
		data, bindSize = data[:millpond.MaxPartBytes], func(param int) error { return w.insert.BindInt64(param, int64(len(r.Data))) }
	}
	if err := errors.Join(bindKey, w.insert.BindBlob(5, data), bindSize(6)); err != nil {
		return err
	}
	if err := conflict(w.insert.Exec(), "the offset or the idempotency key is taken"); err != nil || len(data) == len(r.Data) {
		return err
	}
	return w.insertParts(r.Data[len(data):])
}

// insertParts inserts the parts of a record that are after its first one, whose row was inserted last.
func (w *writer) insertParts(rest []byte) error {
	id, n := w.conn.LastInsertRowID(), int64(0)
	for part := range slices.Chunk(rest, millpond.MaxPartBytes) {
		n++
		if err := errors.Join(bindInts(w.insertPart, 1, id, n), w.insertPart.BindBlob(3, part), w.insertPart.Exec()); err != nil {
			return err
		}
	}
	return nil
}

// conflict turns a broken constraint into ErrConflict.
func conflict(err error, why string) error {
	if errors.Is(err, sqlite3.CONSTRAINT) {
		return fmt.Errorf("%w: %s", store.ErrConflict, why)
	}
	return err
}

// sweepGarbage deletes some rows of a log that was reset, and reports whether there is more.
func (w *writer) sweepGarbage() (more bool, err error) {
	id, found, err := row(w.garbage)
	if err != nil || !found {
		return false, err
	}
	if err := errors.Join(bindInts(w.sweepParts, 1, id, sweepParts), w.sweepParts.Exec()); err != nil {
		return true, err
	}
	if w.conn.Changes() > 0 {
		return true, nil
	}
	if err := errors.Join(bindInts(w.sweep, 1, id, sweepRows), w.sweep.Exec()); err != nil {
		return true, err
	}
	if w.conn.Changes() == sweepRows {
		return true, nil
	}
	for _, stmt := range []*sqlite3.Stmt{w.swept, w.sweptSnap, w.sweptPoints} {
		if err := errors.Join(stmt.BindInt64(1, id), stmt.Exec()); err != nil {
			return true, err
		}
	}
	return true, nil // perhaps of another log
}

// Sweep deletes some rows of logs that were reset, in a transaction of its own.
func (s *Store) Sweep(ctx context.Context) (more bool, err error) {
	w, err := s.writer.get(ctx)
	if err != nil {
		return false, err
	}
	defer s.writer.put(w)
	if !s.garbage {
		return false, nil
	}
	if err := s.transact(w, nil); err != nil {
		return true, fmt.Errorf("sweep: %w", s.explain(err))
	}
	return s.garbage, nil
}

// Offsets finds idempotency keys. It uses the writing connection: that one's cache stays warm from commit to commit,
// and who commits asks here first.
func (s *Store) Offsets(ctx context.Context, stream store.Stream, keys []string) ([]uint64, error) {
	w, err := s.writer.get(ctx)
	if err != nil {
		return nil, err
	}
	defer s.writer.put(w)
	offsets, err := w.offsets(stream, keys)
	if err != nil {
		return nil, fmt.Errorf("look up idempotency keys: %w", s.explain(err))
	}
	return offsets, nil
}

func (w *writer) offsets(stream store.Stream, keys []string) ([]uint64, error) {
	if err := bindStream(w.stream, stream); err != nil {
		return nil, err
	}
	id, found, err := row(w.stream)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, store.ErrNoStream
	}
	offsets := make([]uint64, len(keys))
	if err := w.offset.BindInt64(1, id); err != nil {
		return nil, err
	}
	for i, key := range keys {
		if err := w.offset.BindText(2, key); err != nil {
			return nil, err
		}
		offset, _, err := row(w.offset)
		if err != nil {
			return nil, err
		}
		offsets[i] = uint64(offset)
	}
	return offsets, nil
}
