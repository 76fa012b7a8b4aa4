package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

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
	next := a.batch(1)
	if err := s.Commit(ctx, []store.Batch{next}); err == nil { // it may or may not begin; what it answers is true
		a.add(next)
	}
	s.holds(a)
	next = a.batch(1)
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
