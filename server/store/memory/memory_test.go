package memory_test

import (
	"context"
	"errors"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
	"github.com/millpond-dev/millpond/server/store/storetest"
)

func TestStore(t *testing.T) {
	stores := map[string]*memory.Store{}
	storetest.Run(t, func(t *testing.T, dir string) store.Store {
		if s := stores[dir]; s != nil {
			stores[dir] = s.Reopen()
		} else {
			stores[dir] = memory.New(memory.Options{})
		}
		return stores[dir]
	})
}

func batch(path string, incarnation millpond.Incarnation, after uint64, bytes int) store.Batch {
	return store.Batch{
		Stream:  store.Stream{Name: millpond.Name{Namespace: millpond.DefaultNamespace, Path: path}, Incarnation: incarnation},
		After:   after,
		Records: []store.Record{{Data: make([]byte, bytes), Hash: millpond.Hash(after + 1)}},
	}
}

// A full store refuses, keeps what it has, and takes again what fits after a reset.
func TestFull(t *testing.T) {
	s := memory.New(memory.Options{MaxBytes: 1000})
	defer s.Close()
	commit := func(b ...store.Batch) error { return s.Commit(t.Context(), b) }
	if err := commit(batch("/a", "1", 0, 600)); err != nil {
		t.Fatal(err)
	}
	if err := commit(batch("/b", "1", 0, 300), batch("/c", "1", 0, 101)); !errors.Is(err, store.ErrFull) {
		t.Errorf("over the bound: got %v, want ErrFull", err)
	}
	if err := commit(batch("/b", "1", 0, 400)); err != nil {
		t.Errorf("exactly the bound: %v", err)
	}
	reset := batch("/a", "2", 0, 100)
	reset.Replaces = "1"
	if err := commit(reset); err != nil {
		t.Errorf("reset: %v", err)
	}
	if err := commit(batch("/a", "2", 1, 500)); err != nil {
		t.Errorf("after a reset: %v", err)
	}
	if err := commit(batch("/a", "2", 2, 1)); !errors.Is(err, store.ErrFull) {
		t.Errorf("full again: got %v, want ErrFull", err)
	}
}

// The hooks see each commit: one before it can refuse it, one after it can only hide that it is done.
func TestHooks(t *testing.T) {
	errRefused, errLost := errors.New("refused"), errors.New("lost")
	var before, after error
	s := memory.New(memory.Options{
		BeforeCommit: func(context.Context, []store.Batch) error { return before },
		AfterCommit:  func(context.Context, []store.Batch) error { return after },
	})
	defer s.Close()
	for _, step := range []struct {
		what          string
		before, after error
		offset        uint64 // that the batch follows
		want          error
	}{
		{"the first", nil, nil, 0, nil},
		{"one that is refused", errRefused, nil, 1, errRefused},
		{"one whose answer is lost", nil, errLost, 1, errLost},
		{"one that follows it", nil, nil, 2, nil},
	} {
		before, after = step.before, step.after
		if err := s.Commit(t.Context(), []store.Batch{batch("/a", "1", step.offset, 10)}); !errors.Is(err, step.want) {
			t.Errorf("%s: got %v, want %v", step.what, err, step.want)
		}
	}
}

// A clone holds what was there, and neither sees what the other one commits after that.
func TestClone(t *testing.T) {
	s := memory.New(memory.Options{})
	defer s.Close()
	one := batch("/a", "1", 0, 10)
	one.Records[0].Key = "k"
	if err := s.Commit(t.Context(), []store.Batch{one}); err != nil {
		t.Fatal(err)
	}
	clone := s.Clone(memory.Options{})
	defer clone.Close()
	two := batch("/a", "1", 1, 20)
	two.Records[0].Key = "l"
	if err := s.Commit(t.Context(), []store.Batch{two}); err != nil {
		t.Fatal(err)
	}
	if offsets, err := clone.Offsets(t.Context(), one.Stream, []string{"k", "l"}); err != nil || offsets[0] != 1 || offsets[1] != 0 {
		t.Errorf("the clone has the keys at %v, %v", offsets, err)
	}
	if err := clone.Commit(t.Context(), []store.Batch{batch("/a", "1", 1, 30)}); err != nil {
		t.Errorf("the clone cannot go on from where it was made: %v", err)
	}
	page, err := s.Read(t.Context(), one.Stream, store.Range{Limit: 10, Bytes: 1000})
	if err != nil || page.Count != 2 || len(page.Records) > 40 {
		t.Errorf("the original has %d records of %d bytes, %v", page.Count, len(page.Records), err)
	}
}
