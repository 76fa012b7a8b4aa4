package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Run tests a store. open opens the store that is kept in a directory; what it returns is closed before it is opened
// again.
func Run(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	for name, test := range map[string]func(*testing.T, *suite){
		"offsets are consecutive":        testConsecutive, // S1: offsets without gaps, records byte for byte
		"batches are atomic":             testAtomic,      // S1: all of a transaction or nothing
		"keys are unique for ever":       testKeys,        // S2: idempotency keys
		"the hash chain is kept":         testHash,
		"reads are bounded":              testRead,     // S7: after, before, limit, bytes
		"snapshots go with their commit": testSnapshot, // S9: the snapshot is in the same transaction
		"a reset begins anew":            testReset,    // S12: reset deletes all
		"reads beside commits are whole": testConcurrent,
		"a closed store says so":         testClosed,
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

// commit commits batches of logs that must be taken.
func (s *suite) commit(batches ...store.Batch) {
	s.t.Helper()
	if err := s.Commit(context.Background(), batches); err != nil {
		s.t.Fatal(err)
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

func testConsecutive(t *testing.T, s *suite) {
	a, b := newLog("/a", 1), newLog("/b/c", 1)
	for i := range 5 {
		first, second := a.batch(1+i), b.batch(3)
		s.commit(first, second)
		a.add(first)
		b.add(second)
	}
	s.holds(a)
	s.holds(b)

	next := a.batch(1)
	gap := next
	gap.After++
	s.refuse("a gap", gap)
	again := next
	again.After--
	s.refuse("an offset twice", again)
	s.refuse("a stream created twice", store.Batch{Stream: newLog("/a", 2).stream, Records: next.Records})
	unknown := next
	unknown.Stream = newLog("/a", 7).stream
	s.refuse("another incarnation", unknown)
	s.refuse("no records", store.Batch{Stream: a.stream, After: a.offset()})

	s.reopen()
	s.holds(a)
	s.holds(b)
	if _, err := s.Head(t.Context(), millpond.Name{Namespace: "default", Path: "/other"}); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("unknown stream: got %v, want ErrNoStream", err)
	}
}

func testAtomic(t *testing.T, s *suite) {
	a, b, c := newLog("/a", 1), newLog("/b", 1), newLog("/c", 1)
	first, second := a.batch(2), b.batch(2)
	s.commit(first, second)
	a.add(first)
	b.add(second)

	bad := b.batch(3)
	bad.After += 9
	s.refuse("one bad batch of three", a.batch(2), c.batch(2), bad)
	s.refuse("a key twice in a batch", a.batch(3, "k", "other", "k"))
	s.holds(a)
	s.holds(b)
	if _, err := s.Head(t.Context(), c.stream.Name); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("a stream of a transaction that failed: got %v, want ErrNoStream", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = s.Commit(ctx, nil) // whatever it answers, the store works on
	next := a.batch(1)
	s.commit(next)
	a.add(next)
	s.holds(a)
}

func testKeys(t *testing.T, s *suite) {
	a, b := newLog("/a", 1), newLog("/b", 1)
	first, second := a.batch(3, "one", "", "three"), b.batch(1, "one")
	s.commit(first, second)
	a.add(first)
	b.add(second)
	for range 3 {
		next := a.batch(100)
		s.commit(next)
		a.add(next)
	}
	s.refuse("a key that is taken", a.batch(1, "three"))
	s.reopen()
	s.refuse("a key that is taken, after reopening", a.batch(1, "one"))
	s.holds(a)

	for _, test := range []struct {
		log  *log
		keys []string
		want []uint64
	}{
		{a, []string{"three", "two", "one", "three"}, []uint64{3, 0, 1, 3}},
		{b, []string{"three", "one"}, []uint64{0, 1}},
	} {
		got, err := s.Offsets(t.Context(), test.log.stream, test.keys)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: offsets of %q: got %v, %v, want %v", test.log.stream.Name, test.keys, got, err, test.want)
		}
	}
	if _, err := s.Offsets(t.Context(), newLog("/a", 2).stream, []string{"one"}); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("keys of another incarnation: got %v, want ErrNoStream", err)
	}
}

func testHash(t *testing.T, s *suite) {
	a := newLog("/a", 1)
	for range 4 {
		next := a.batch(3)
		s.commit(next)
		a.add(next)
	}
	for offset := range a.offset() + 1 {
		if got, err := s.Hash(t.Context(), a.stream, offset); err != nil || got != a.hashAt(offset) {
			t.Errorf("hash at %d: got %v, %v, want %v", offset, got, err, a.hashAt(offset))
		}
	}
	if _, err := s.Hash(t.Context(), a.stream, a.offset()+1); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("hash past the end: got %v, want ErrNoStream", err)
	}
	if _, err := s.Hash(t.Context(), newLog("/a", 2).stream, 0); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("hash of another incarnation: got %v, want ErrNoStream", err)
	}
}

func testRead(t *testing.T, s *suite) {
	const many = 1 << 20
	a := newLog("/a", 1)
	b := a.batch(10)
	s.commit(b)
	a.add(b)
	size := millpond.FramedRecordBytes(len(a.records[0].Data))
	for _, test := range []struct {
		what  string
		r     store.Range
		first uint64
		last  uint64 // first-1: nothing
	}{
		{"all", store.Range{Limit: many, Bytes: many}, 1, 10},
		{"after", store.Range{After: 7, Limit: many, Bytes: many}, 8, 10},
		{"before", store.Range{Before: 4, Limit: many, Bytes: many}, 1, 3},
		{"between", store.Range{After: 2, Before: 5, Limit: many, Bytes: many}, 3, 4},
		{"empty between", store.Range{After: 4, Before: 5, Limit: many, Bytes: many}, 5, 4},
		{"the wrong way round", store.Range{After: 5, Before: 3, Limit: many, Bytes: many}, 6, 5},
		{"at the end", store.Range{After: 10, Limit: many, Bytes: many}, 11, 10},
		{"past the end", store.Range{After: 1 << 63, Limit: many, Bytes: many}, 1<<63 + 1, 1 << 63},
		{"limit", store.Range{After: 3, Limit: 2, Bytes: many}, 4, 5},
		{"bytes, exactly", store.Range{Limit: many, Bytes: 3 * size}, 1, 3},
		{"bytes, one short", store.Range{Limit: many, Bytes: 3*size - 1}, 1, 2},
		{"one at least", store.Range{After: 6, Limit: many, Bytes: 1}, 7, 7},
	} {
		page, err := s.Read(t.Context(), a.stream, test.r)
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		want := store.Page{Last: test.last, Count: int(test.last - test.first + 1)}
		for offset := test.first; offset <= test.last; offset++ {
			want.Records = millpond.AppendFramedRecord(want.Records, a.records[offset-1].Data)
			want.Hash = a.hashAt(offset)
		}
		if len(page.Records) == 0 {
			page.Records = nil
		}
		if !reflect.DeepEqual(page, want) {
			t.Errorf("%s: got %+v, want %+v", test.what, page, want)
		}
	}
	if _, err := s.Read(t.Context(), newLog("/a", 2).stream, store.Range{Limit: 1, Bytes: 1}); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("another incarnation: got %v, want ErrNoStream", err)
	}
}

func testSnapshot(t *testing.T, s *suite) {
	a := newLog("/a", 1)
	check := func(what string, want store.Snapshot) {
		t.Helper()
		head, err := s.Head(t.Context(), a.stream.Name)
		if err != nil || head.Snapshot.Version != want.Version || string(head.Snapshot.Data) != string(want.Data) {
			t.Errorf("%s: got %+v, %v, want %+v", what, head.Snapshot, err, want)
		}
	}
	first := a.batch(1)
	s.commit(first)
	a.add(first)
	check("none", store.Snapshot{})

	second := a.batch(1)
	second.Snapshot = store.Snapshot{Version: 3, Data: []byte(strings.Repeat("state", 10_000))}
	s.commit(second)
	a.add(second)
	check("committed", second.Snapshot)

	third := a.batch(1)
	s.commit(third)
	a.add(third)
	check("not given: as it was", second.Snapshot)

	bad := a.batch(1)
	bad.After++
	bad.Snapshot = store.Snapshot{Version: 4, Data: []byte("lost")}
	s.refuse("a gap", bad)
	s.reopen()
	check("of a commit that failed", second.Snapshot)
}

func testReset(t *testing.T, s *suite) {
	old, other := newLog("/a", 1), newLog("/b", 1)
	b, o := old.batch(1000, "k1", "k2"), other.batch(3)
	b.Snapshot = store.Snapshot{Version: 1, Data: []byte("old")}
	s.commit(b, o)
	old.add(b)
	other.add(o)
	for range 4 { // more than a store may want to delete at once
		b := old.batch(1000)
		s.commit(b)
		old.add(b)
	}

	life := newLog("/a", 2)
	reset := life.batch(2, "k1")
	reset.Replaces = life.stream.Incarnation
	s.refuse("replacing what is not there", reset)
	reset.Replaces = old.stream.Incarnation
	s.commit(reset)
	life.add(reset)
	for range 10 {
		s.holds(life)
		s.holds(other)
		if page, err := s.Read(t.Context(), old.stream, store.Range{Limit: 1, Bytes: 1}); !errors.Is(err, store.ErrNoStream) {
			t.Errorf("reading the old incarnation: got %+v, %v, want ErrNoStream", page, err)
		}
		if _, err := s.Hash(t.Context(), old.stream, 1); !errors.Is(err, store.ErrNoStream) {
			t.Errorf("hash in the old incarnation: got %v, want ErrNoStream", err)
		}
		next := life.batch(1)
		s.commit(next)
		life.add(next)
		s.reopen()
	}
	s.refuse("writing to the old incarnation", old.batch(1))
	if head, err := s.Head(t.Context(), old.stream.Name); err != nil || head.Snapshot.Data != nil {
		t.Errorf("snapshot after a reset: got %+v, %v, want none", head.Snapshot, err)
	}
	if got, err := s.Offsets(t.Context(), life.stream, []string{"k1", "k2"}); err != nil || !slices.Equal(got, []uint64{1, 0}) {
		t.Errorf("keys after a reset: got %v, %v, want [1 0]", got, err)
	}
}

// testConcurrent reads from several goroutines while the log grows and is reset: each page must be a part of one
// incarnation.
func testConcurrent(t *testing.T, s *suite) {
	const lives, batches = 4, 20
	all := make([]*log, lives)
	for i := range all {
		all[i] = newLog("/a", i+1)
	}
	done := make(chan struct{})
	errs := make(chan error, 3)
	for range 3 {
		go func() {
			for {
				select {
				case <-done:
					errs <- nil
					return
				default:
				}
				if err := readSome(s.Store, all); err != nil {
					errs <- err
					<-done
					return
				}
			}
		}()
	}
	for i, life := range all {
		for range batches {
			b := life.batch(50)
			if i > 0 && b.After == 0 {
				b.Replaces = all[i-1].stream.Incarnation
			}
			s.commit(b)
			life.add(b)
		}
	}
	close(done)
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	s.holds(all[lives-1])
}

func readSome(s store.Store, all []*log) error {
	for _, life := range all {
		page, err := s.Read(context.Background(), life.stream, store.Range{After: 30, Limit: 200, Bytes: 1 << 20})
		if errors.Is(err, store.ErrNoStream) {
			continue
		}
		if err != nil {
			return err
		}
		// Every incarnation of a log has the same records, so the hash chain can be made again from the first 30.
		hash := newLog("/a", 1).batch(30).Records[29].Hash
		_, err = walk(page, 30, hash)
		if err != nil {
			return fmt.Errorf("incarnation %s: %w", life.stream.Incarnation, err)
		}
	}
	return nil
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
