package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/millpond-dev/millpond/server/store"
)

// Run tests a store. open opens the store that is kept in a directory; what it returns is closed before it is opened
// again.
func Run(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	for name, test := range map[string]func(*testing.T, *suite){
		"offsets are consecutive":          testConsecutive, // S1: offsets without gaps, records byte for byte
		"batches are atomic":               testAtomic,      // S1: all of a transaction or nothing
		"keys are unique for ever":         testKeys,        // S2: idempotency keys
		"the hash chain is kept":           testHash,
		"reads are bounded":                testRead,        // S7: after, before, limit, bytes
		"large records come in parts":      testLarge,       // S6: no page and no part is larger than its limit
		"snapshots go with their commit":   testSnapshot,    // S9: the snapshot is in the same transaction
		"a reset begins anew":              testReset,       // S12: reset deletes all
		"checkpoints go with their commit": testCheckpoints, // S14: durable checkpoints, gone with their stream
		"reads beside commits are whole":   testConcurrent,
		"a closed store says so":           testClosed,
	} {
		t.Run(name, func(t *testing.T) {
			s := &suite{t: t, dir: t.TempDir(), open: open}
			s.Store = open(t, s.dir)
			t.Cleanup(func() { s.Close() })
			test(t, s)
		})
	}
}

// suite is a store under test.
type suite struct {
	store.Store
	t    *testing.T
	dir  string
	open func(*testing.T, string) store.Store
}

func (s *suite) reopen() {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.Store = s.open(s.t, s.dir)
}

// commit commits batches of logs that must be taken. The bytes that the store was given are used for something else then:
// it may keep none of them.
func (s *suite) commit(batches ...store.Batch) {
	s.t.Helper()
	given := slices.Clone(batches)
	for i := range given {
		given[i].Records = slices.Clone(given[i].Records)
		for j := range given[i].Records {
			given[i].Records[j].Data = bytes.Clone(given[i].Records[j].Data)
		}
		given[i].Snapshot.Data = bytes.Clone(given[i].Snapshot.Data)
		given[i].Checkpoints = slices.Clone(given[i].Checkpoints)
		for j := range given[i].Checkpoints {
			given[i].Checkpoints[j].Data = bytes.Clone(given[i].Checkpoints[j].Data)
		}
	}
	if err := s.Commit(context.Background(), given); err != nil {
		s.t.Fatal(err)
	}
	for i := range given {
		for j := range given[i].Records {
			clear(given[i].Records[j].Data)
		}
		clear(given[i].Records)
		clear(given[i].Snapshot.Data)
		for j := range given[i].Checkpoints {
			clear(given[i].Checkpoints[j].Data)
		}
	}
}

// refuse commits batches that must be refused as a conflict.
func (s *suite) refuse(why string, batches ...store.Batch) {
	s.t.Helper()
	if err := s.Commit(context.Background(), batches); !errors.Is(err, store.ErrConflict) {
		s.t.Errorf("%s: got %v, want ErrConflict", why, err)
	}
}

// holds checks that the store holds exactly the log.
func (s *suite) holds(l *log) {
	s.t.Helper()
	if err := verify(s.Store, l.stream, l.records); err != nil {
		s.t.Error(err)
	}
}

func testClosed(t *testing.T, s *suite) {
	a := newLog("/a", 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), []store.Batch{a.batch(1)}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("commit: got %v, want ErrClosed", err)
	}
	if _, err := s.Head(t.Context(), a.stream.Name); !errors.Is(err, store.ErrClosed) {
		t.Errorf("head: got %v, want ErrClosed", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}
