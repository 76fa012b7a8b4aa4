package sqlite

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, dir string) store.Store {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestMain(m *testing.M) {
	childMain()
	goleak.VerifyTestMain(m)
}

func name(path string) millpond.Name {
	return millpond.Name{Namespace: millpond.DefaultNamespace, Path: path}
}

// A reset leaves the old log to the commits that follow: after some, nothing of it is left.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	commit := func(b store.Batch) {
		t.Helper()
		if err := s.Commit(t.Context(), []store.Batch{b}); err != nil {
			t.Fatal(err)
		}
	}
	records := make([]store.Record, 2*sweepRows+500)
	for i := range records {
		records[i] = store.Record{Data: []byte{1}}
	}
	a, b := store.Stream{Name: name("/a"), Incarnation: "1"}, store.Stream{Name: name("/a"), Incarnation: "2"}
	commit(store.Batch{Stream: a, Records: records, Snapshot: store.Snapshot{Data: []byte{1}}})
	commit(store.Batch{Stream: b, Records: records[:1], Replaces: a.Incarnation})
	if !s.garbage {
		t.Error("all is swept by the reset itself: this test is too small")
	}
	s.Close()
	if s, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	commits := 0
	for ; s.garbage && commits < 10; commits++ {
		commit(store.Batch{Stream: b, After: uint64(commits + 1), Records: records[:1]})
	}
	w := <-s.writer.free
	defer s.writer.put(w)
	for table, want := range map[string]int64{"log": int64(1 + commits), "snapshots": 0, "garbage": 0, "streams": 1} {
		if got, err := queryInt(w.conn, "SELECT count(*) FROM "+table); err != nil || got != want {
			t.Errorf("%s has %d rows, %v, want %d", table, got, err, want)
		}
	}
}

// S1: the writer's commits are durable when they return.
func TestDurability(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := <-s.writer.free
	defer s.writer.put(w)
	if got, err := queryInt(w.conn, "PRAGMA synchronous"); err != nil || got != 2 {
		t.Errorf("synchronous = %d, %v, want 2, FULL", got, err)
	}
	if got, err := queryInt(w.conn, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"); err != nil || got != 1 {
		t.Errorf("journal_mode is not wal (%v)", err)
	}
}
