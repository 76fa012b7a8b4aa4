package memory

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Options configure a [Store]. The zero value is a store without bounds that never fails.
type Options struct {
	// MaxBytes bounds the records of all streams together: a commit that would take more fails with [store.ErrFull].
	// A reset makes room. 0: no bound.
	MaxBytes int

	// BeforeCommit is called by Commit with the batches, before anything is changed. It may wait, and the commit waits
	// with it; when it returns an error the commit fails with that, and nothing is committed. Nil: none.
	BeforeCommit func(ctx context.Context, batches []store.Batch) error

	// AfterCommit is called by Commit when the batches are committed. When it returns an error Commit returns that, as when
	// an answer is lost: the batches stay committed. Nil: none.
	AfterCommit func(ctx context.Context, batches []store.Batch) error
}

// Store keeps logs in memory. All of it may be used concurrently. Make it with [New].
type Store struct {
	opts    Options
	writing sync.Mutex // held through a whole Commit, the hooks too
	disk    *disk

	mu     sync.RWMutex
	closed bool // +checklocks:mu
}

// disk is what outlives a Store.
type disk struct {
	mu      sync.RWMutex
	streams map[millpond.Name]*log // +checklocks:mu
	bytes   int                    // +checklocks:mu // of all records
}

// log is one incarnation of a stream. The disk's mu guards it.
type log struct {
	stream      store.Stream
	records     []record
	keys        map[string]uint64 // offsets of the idempotency keys
	snapshot    store.Snapshot
	checkpoints map[string][]byte // by key
	bytes       int               // of the records
}

// record is an event record that never changes.
type record struct {
	data []byte
	hash millpond.Hash
}

var _ store.Store = (*Store)(nil)

// New makes an empty store.
func New(opts Options) *Store {
	return &Store{opts: opts, disk: &disk{streams: map[millpond.Name]*log{}}}
}

// Reopen returns a store with the same options that holds what this one has held, as a process finds it that is started
// again. It closes this one.
func (s *Store) Reopen() *Store {
	s.Close()
	return &Store{opts: s.opts, disk: s.disk}
}

// Clone returns a store with the options that holds what this one holds now, by itself: as a backup does.
func (s *Store) Clone(opts Options) *Store {
	s.disk.mu.RLock()
	defer s.disk.mu.RUnlock()
	copied := &disk{streams: make(map[millpond.Name]*log, len(s.disk.streams)), bytes: s.disk.bytes}
	for name, l := range s.disk.streams {
		c := *l
		c.records = slices.Clip(l.records)
		c.keys, c.checkpoints = maps.Clone(l.keys), maps.Clone(l.checkpoints)
		copied.streams[name] = &c
	}
	return &Store{opts: opts, disk: copied}
}

// Close waits for the commit that is running, and lets every later call fail with [store.ErrClosed].
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// check is why a call cannot begin.
func (s *Store) check(ctx context.Context) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.ErrClosed
	}
	return ctx.Err()
}
