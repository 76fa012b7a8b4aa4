package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// view calls fn with the log of the stream, which must be the present incarnation.
func (s *Store) view(ctx context.Context, stream store.Stream, fn func(*log) error) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	s.disk.mu.RLock()
	defer s.disk.mu.RUnlock()
	l := s.disk.streams[stream.Name]
	if l == nil || l.stream != stream {
		return store.ErrNoStream
	}
	return fn(l)
}

// Head loads a stream's head.
func (s *Store) Head(ctx context.Context, name millpond.Name) (store.Head, error) {
	if err := s.check(ctx); err != nil {
		return store.Head{}, err
	}
	s.disk.mu.RLock()
	defer s.disk.mu.RUnlock()
	l := s.disk.streams[name]
	if l == nil {
		return store.Head{}, store.ErrNoStream
	}
	last := l.records[len(l.records)-1]
	return store.Head{
		Stream:   l.stream,
		Offset:   uint64(len(l.records)),
		Hash:     last.hash,
		Last:     bytes.Clone(last.data[:min(len(last.data), millpond.MaxPartBytes)]),
		Snapshot: store.Snapshot{Version: l.snapshot.Version, Data: bytes.Clone(l.snapshot.Data)},
	}, nil
}

// Read reads a part of a log.
func (s *Store) Read(ctx context.Context, stream store.Stream, r store.Range) (store.Page, error) {
	page := store.Page{Last: r.After}
	err := s.view(ctx, stream, func(l *log) error {
		end := uint64(len(l.records))
		if r.Before != 0 {
			end = min(end, r.Before-1)
		}
		for page.Last < end && page.Count < r.Limit {
			next := &l.records[page.Last]
			if len(next.data) > millpond.MaxPartBytes {
				page.Large = len(next.data)
				break
			}
			if page.Count > 0 && len(page.Records)+millpond.FramedRecordBytes(len(next.data)) > r.Bytes {
				break
			}
			page.Records = millpond.AppendFramedRecord(page.Records, next.data)
			page.Count++
			page.Last++
			page.Hash = next.hash
		}
		return nil
	})
	if err != nil {
		return store.Page{}, err
	}
	return page, nil
}

// ReadPart reads a part of a record.
func (s *Store) ReadPart(ctx context.Context, stream store.Stream, offset uint64, start, n int) (part store.Part, err error) {
	err = s.view(ctx, stream, func(l *log) error {
		if offset == 0 || offset > uint64(len(l.records)) {
			return store.ErrNoStream
		}
		r := &l.records[offset-1]
		if start >= len(r.data) {
			return store.ErrNoStream
		}
		end := min(start+min(n, millpond.MaxPartBytes), len(r.data))
		part = store.Part{Data: bytes.Clone(r.data[start:end]), RecordBytes: len(r.data), Hash: r.hash}
		return nil
	})
	return part, err
}

// Hash is the log's hash at the offset.
func (s *Store) Hash(ctx context.Context, stream store.Stream, offset uint64) (hash millpond.Hash, err error) {
	err = s.view(ctx, stream, func(l *log) error {
		switch {
		case offset == 0:
		case offset > uint64(len(l.records)):
			return store.ErrNoStream
		default:
			hash = l.records[offset-1].hash
		}
		return nil
	})
	return hash, err
}

// Offsets finds idempotency keys.
func (s *Store) Offsets(ctx context.Context, stream store.Stream, keys []string) ([]uint64, error) {
	offsets := make([]uint64, len(keys))
	err := s.view(ctx, stream, func(l *log) error {
		for i, key := range keys {
			offsets[i] = l.keys[key]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return offsets, nil
}

// Checkpoint is the data of a checkpoint.
func (s *Store) Checkpoint(ctx context.Context, stream store.Stream, key string) (data []byte, err error) {
	err = s.view(ctx, stream, func(l *log) error {
		kept, ok := l.checkpoints[key]
		if !ok {
			return store.ErrNoCheckpoint
		}
		data = append([]byte{}, kept...)
		return nil
	})
	return data, err
}

// Checkpointed lists the streams that have checkpoints.
func (s *Store) Checkpointed(ctx context.Context, after millpond.Name, limit int) ([]millpond.Name, error) {
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	s.disk.mu.RLock()
	defer s.disk.mu.RUnlock()
	var names []millpond.Name
	for name, l := range s.disk.streams {
		if len(l.checkpoints) > 0 && compareNames(name, after) > 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, compareNames)
	return names[:min(limit, len(names))], nil
}

func compareNames(a, b millpond.Name) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Path, b.Path))
}
