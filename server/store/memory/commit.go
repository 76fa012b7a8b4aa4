package memory

import (
	"bytes"
	"context"
	"fmt"

	"github.com/millpond-dev/millpond/server/store"
)

// Commit commits the batches.
func (s *Store) Commit(ctx context.Context, batches []store.Batch) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.check(ctx); err != nil {
		return err
	}
	if s.opts.BeforeCommit != nil {
		if err := s.opts.BeforeCommit(ctx, batches); err != nil {
			return err
		}
	}
	if err := s.disk.commit(batches, s.opts.MaxBytes); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if s.opts.AfterCommit != nil {
		return s.opts.AfterCommit(ctx, batches)
	}
	return nil
}

// commit checks all batches, and only then changes anything.
func (d *disk) commit(batches []store.Batch, maxBytes int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	bytes := d.bytes
	for i := range batches {
		b := &batches[i]
		if err := d.checkBatch(b); err != nil {
			return fmt.Errorf("stream %s: %w", b.Stream.Name, err)
		}
		if b.Replaces != "" {
			bytes -= d.streams[b.Stream.Name].bytes
		}
		bytes += recordBytes(b)
	}
	if maxBytes > 0 && bytes > maxBytes {
		return &store.Error{Kind: store.ErrFull, Path: "memory", Hint: "raise MaxBytes; nothing that was acknowledged is lost"}
	}
	for i := range batches {
		d.apply(&batches[i])
	}
	d.bytes = bytes
	return nil
}

func (d *disk) checkBatch(b *store.Batch) error {
	l := d.streams[b.Stream.Name]
	if b.Replaces != "" {
		if l == nil || l.stream.Incarnation != b.Replaces {
			return fmt.Errorf("%w: it is not there to be replaced", store.ErrConflict)
		}
		l = nil
	}
	switch {
	case len(b.Records) == 0 && (len(b.Checkpoints) == 0 || b.After == 0):
		return fmt.Errorf("%w: it is empty", store.ErrConflict)
	case b.After == 0 && l != nil:
		return fmt.Errorf("%w: the stream exists", store.ErrConflict)
	case b.After != 0 && (l == nil || l.stream != b.Stream || uint64(len(l.records)) != b.After):
		return fmt.Errorf("%w: its head is not at offset %d of incarnation %s", store.ErrConflict, b.After, b.Stream.Incarnation)
	}
	return checkKeys(l, b.Records)
}

func checkKeys(l *log, records []store.Record) error {
	var fresh map[string]bool
	for i := range records {
		key := records[i].Key
		if key == "" {
			continue
		}
		if fresh[key] || l != nil && l.keys[key] != 0 {
			return fmt.Errorf("%w: the idempotency key is taken", store.ErrConflict)
		}
		if fresh == nil {
			fresh = map[string]bool{}
		}
		fresh[key] = true
	}
	return nil
}

// apply does what a batch says that was checked. The caller holds mu.
func (d *disk) apply(b *store.Batch) {
	l := d.streams[b.Stream.Name]
	if b.After == 0 {
		l = &log{stream: b.Stream, keys: map[string]uint64{}, checkpoints: map[string][]byte{}}
		d.streams[b.Stream.Name] = l
	}
	arena := make([]byte, 0, recordBytes(b)) // the caller uses its own again
	for i := range b.Records {
		r := &b.Records[i]
		start := len(arena)
		arena = append(arena, r.Data...)
		l.records = append(l.records, record{arena[start:len(arena):len(arena)], r.Hash})
		if r.Key != "" {
			l.keys[r.Key] = uint64(len(l.records))
		}
	}
	l.bytes += len(arena)
	if b.Snapshot.Data != nil {
		l.snapshot = store.Snapshot{Version: b.Snapshot.Version, Data: bytes.Clone(b.Snapshot.Data)}
	}
	for _, c := range b.Checkpoints {
		if c.Data == nil {
			delete(l.checkpoints, c.Key)
		} else {
			l.checkpoints[c.Key] = bytes.Clone(c.Data)
		}
	}
}

func recordBytes(b *store.Batch) (n int) {
	for i := range b.Records {
		n += len(b.Records[i].Data)
	}
	return n
}
