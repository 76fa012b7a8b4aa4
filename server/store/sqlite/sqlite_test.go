package sqlite

import (
	"bytes"
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

// S6: no row holds more than its limit, and a reset takes the parts of large records away, bit by bit.
func TestLargeRecordRows(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stream := store.Stream{Name: name("/a"), Incarnation: "1"}
	data := bytes.Repeat([]byte("0123456789abcdef"), 16<<20/16)
	commit := func(b store.Batch) {
		t.Helper()
		if err := s.Commit(t.Context(), []store.Batch{b}); err != nil {
			t.Fatal(err)
		}
	}
	commit(store.Batch{Stream: stream, Records: []store.Record{{Data: data}, {Data: []byte("small")}}})
	count := func(sql string) (n int64) {
		t.Helper()
		w, err := s.writer.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.writer.put(w)
		if n, err = queryInt(w.conn, sql); err != nil {
			t.Fatal(err)
		}
		return n
	}
	parts := int64((len(data)-1)/millpond.MaxPartBytes) + 1
	if got := count("SELECT count(*) FROM parts"); got != parts-1 {
		t.Errorf("%d rows of parts, want %d", got, parts-1)
	}
	if got := count("SELECT max(m) FROM (SELECT max(length(record)) AS m FROM log UNION ALL SELECT max(length(data)) FROM parts)"); got != millpond.MaxPartBytes {
		t.Errorf("the largest row has %d bytes, want %d", got, millpond.MaxPartBytes)
	}
	commit(store.Batch{Stream: store.Stream{Name: stream.Name, Incarnation: "2"}, Replaces: "1", Records: []store.Record{{Data: []byte("new")}}})
	steps := 0
	for more := true; more; steps++ {
		if more, err = s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if steps < int(parts)/sweepParts {
		t.Errorf("%d parts were swept in %d steps", parts, steps)
	}
	if got := count("SELECT (SELECT count(*) FROM parts) + (SELECT count(*) FROM log)"); got != 1 {
		t.Errorf("%d rows are left, want 1", got)
	}
}
