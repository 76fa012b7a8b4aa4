package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// view calls fn with a connection to read with.
func (s *Store) view(ctx context.Context, what string, fn func(*reader) error) error {
	r, err := s.readers.get(ctx)
	if err != nil {
		return err
	}
	defer s.readers.put(r)
	if err := fn(r); err != nil {
		return fmt.Errorf("%s: %w", what, s.explain(err))
	}
	return nil
}

// Head loads a stream's head, and checks that the log ends where it says.
func (s *Store) Head(ctx context.Context, name millpond.Name) (head store.Head, err error) {
	err = s.view(ctx, "load head", func(r *reader) error {
		if err := errors.Join(r.head.BindText(1, name.Namespace), r.head.BindText(2, name.Path)); err != nil {
			return err
		}
		found := false
		err := rows(r.head, func(row *sqlite3.Stmt) error {
			found = true
			head = store.Head{
				Stream:   store.Stream{Name: name, Incarnation: millpond.Incarnation(row.ColumnText(0))},
				Offset:   uint64(row.ColumnInt64(1)),
				Hash:     millpond.Hash(row.ColumnInt64(2)),
				Last:     row.ColumnBlob(4, nil),
				Snapshot: store.Snapshot{Version: row.ColumnInt(5), Data: row.ColumnBlob(6, nil)},
			}
			if len(head.Last) == 0 || millpond.Hash(row.ColumnInt64(3)) != head.Hash {
				return s.corrupt(fmt.Errorf("stream %s: its log does not end at offset %d as it should", name, head.Offset))
			}
			return nil
		})
		if err == nil && !found {
			err = store.ErrNoStream
		}
		return err
	})
	return head, err
}

// Read reads a part of a log.
func (s *Store) Read(ctx context.Context, stream store.Stream, rng store.Range) (page store.Page, err error) {
	err = s.view(ctx, "read log", func(r *reader) error {
		page, err = s.readPage(r, stream, rng)
		return err
	})
	return page, err
}

func (s *Store) readPage(r *reader, stream store.Stream, rng store.Range) (store.Page, error) {
	before := int64(math.MaxInt64)
	if rng.Before != 0 {
		before = clamp(rng.Before)
	}
	if err := errors.Join(bindStream(r.read, stream),
		bindInts(r.read, 4, clamp(rng.After), before, int64(rng.Limit))); err != nil {
		return store.Page{}, err
	}
	page := store.Page{Last: rng.After}
	err := rows(r.read, func(row *sqlite3.Stmt) error {
		if offset := uint64(row.ColumnInt64(0)); offset != page.Last+1 {
			return s.corrupt(fmt.Errorf("stream %s: offset %d is missing", stream.Name, page.Last+1))
		}
		if row.ColumnType(3) != sqlite3.NULL {
			page.Large = row.ColumnInt(3)
			return errPageFull
		}
		record := row.ColumnRawBlob(2)
		size := millpond.FramedRecordBytes(len(record))
		if page.Count > 0 && len(page.Records)+size > rng.Bytes {
			return errPageFull
		}
		if page.Count == 0 {
			page.Records = make([]byte, 0, max(size, min(rng.Bytes, pageBytes(rng, size))))
		}
		page.Records = millpond.AppendFramedRecord(page.Records, record)
		page.Count++
		page.Last++
		page.Hash = millpond.Hash(row.ColumnInt64(1))
		return nil
	})
	if errors.Is(err, errPageFull) {
		err = nil
	}
	if err == nil && page.Count == 0 && page.Large == 0 {
		err = r.exists(stream)
	}
	if err != nil {
		return store.Page{}, err
	}
	return page, nil
}

// pageBytes is how large a page is made whose first record has the size: as if all had it. A page that grows is copied, and
// one that is too large is not worth it where there is little to read.
func pageBytes(rng store.Range, size int) int {
	n := rng.Limit
	if rng.Before != 0 {
		n = int(min(uint64(n), rng.Before-1-rng.After))
	}
	return min(n*(size+size/8), maxPageGuessBytes)
}

// ReadPart reads a part of a record.
func (s *Store) ReadPart(ctx context.Context, stream store.Stream, offset uint64, start, n int) (part store.Part, err error) {
	err = s.view(ctx, "read part", func(r *reader) error {
		part, err = s.readPart(r, stream, offset, start, n)
		return err
	})
	return part, err
}

func (s *Store) readPart(r *reader, stream store.Stream, offset uint64, start, n int) (part store.Part, err error) {
	row, at := start/millpond.MaxPartBytes, start%millpond.MaxPartBytes
	id, found := int64(0), false
	first := n
	if row > 0 {
		first = 0
	}
	if err := errors.Join(bindStream(r.first, stream), bindInts(r.first, 4, clamp(offset), int64(at)+1, int64(first))); err != nil {
		return part, err
	}
	err = rows(r.first, func(stmt *sqlite3.Stmt) error {
		id, found = stmt.ColumnInt64(0), true
		part = store.Part{Hash: millpond.Hash(stmt.ColumnInt64(1)), RecordBytes: stmt.ColumnInt(2), Data: stmt.ColumnBlob(3, nil)}
		return nil
	})
	switch {
	case err != nil:
		return part, err
	case !found || start >= part.RecordBytes:
		return part, store.ErrNoStream
	case row > 0:
		if err := bindInts(r.part, 1, id, int64(row), int64(at)+1, int64(n)); err != nil {
			return part, err
		}
		err = rows(r.part, func(stmt *sqlite3.Stmt) error {
			part.Data = stmt.ColumnBlob(0, nil)
			return nil
		})
	}
	if err == nil && len(part.Data) == 0 {
		// Of two statements: the log may have been reset and swept in between. Otherwise it is corrupt.
		if err = r.exists(stream); err == nil {
			err = s.corrupt(fmt.Errorf("stream %s: a part of the record at offset %d is missing", stream.Name, offset))
		}
	}
	return part, err
}

// errPageFull ends the reading of a page.
var errPageFull = errors.New("page full")

// clamp makes an offset fit SQLite's integers.
func clamp(offset uint64) int64 { return int64(min(offset, math.MaxInt64)) }

// exists is ErrNoStream when the stream does not.
func (r *reader) exists(stream store.Stream) error {
	if err := bindStream(r.stream, stream); err != nil {
		return err
	}
	_, found, err := row(r.stream)
	if err == nil && !found {
		err = store.ErrNoStream
	}
	return err
}

// Hash is the log's hash at the offset.
func (s *Store) Hash(ctx context.Context, stream store.Stream, offset uint64) (hash millpond.Hash, err error) {
	err = s.view(ctx, "read hash", func(r *reader) error {
		if offset == 0 {
			return r.exists(stream)
		}
		if err := errors.Join(bindStream(r.hash, stream), r.hash.BindInt64(4, clamp(offset))); err != nil {
			return err
		}
		value, found, err := row(r.hash)
		if err == nil && !found {
			err = store.ErrNoStream
		}
		hash = millpond.Hash(value)
		return err
	})
	return hash, err
}
