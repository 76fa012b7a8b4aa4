package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// keeps is a batch that changes checkpoints only.
func (l *log) keeps(checkpoints ...store.Checkpoint) store.Batch {
	return store.Batch{Stream: l.stream, After: l.offset(), Checkpoints: checkpoints}
}

func testCheckpoints(t *testing.T, s *suite) {
	a, b := newLog("/a", 1), newLog("/b", 1)
	check := func(what string, l *log, key, want string) {
		t.Helper()
		data, err := s.Checkpoint(t.Context(), l.stream, key)
		if want == "none" {
			if !errors.Is(err, store.ErrNoCheckpoint) {
				t.Errorf("%s: got %q, %v, want ErrNoCheckpoint", what, data, err)
			}
		} else if err != nil || data == nil || string(data) != want {
			t.Errorf("%s: got %.20q, %v, want %.20q", what, data, err, want)
		}
	}
	first, second := a.batch(2), b.batch(1)
	first.Checkpoints = []store.Checkpoint{{Key: "k", Data: []byte{}}, {Key: "other", Data: []byte("o")}}
	s.commit(first, second)
	a.add(first)
	b.add(second)
	check("with the stream's first batch; an empty one is one", a, "k", "")
	check("beside it", a, "other", "o")
	check("of another stream", b, "k", "none")

	large := strings.Repeat("state", 200_000)
	s.commit(a.keeps(store.Checkpoint{Key: "k", Data: []byte(large)}), b.keeps(store.Checkpoint{Key: "k", Data: []byte("b")}))
	check("alone", a, "k", large)
	s.commit(a.keeps(store.Checkpoint{Key: "other"}, store.Checkpoint{Key: "never there"}, store.Checkpoint{Key: "k"},
		store.Checkpoint{Key: "k", Data: []byte("2")}))
	check("deleted", a, "other", "none")
	check("deleted and kept again", a, "k", "2")

	moved := b.keeps(store.Checkpoint{Key: "k", Data: []byte("lost")})
	moved.After++
	s.refuse("beside another batch that is refused", a.keeps(store.Checkpoint{Key: "k", Data: []byte("lost")}), moved)
	unknown := newLog("/c", 1).keeps(store.Checkpoint{Key: "k", Data: []byte("lost")})
	s.refuse("of a stream that is not there", unknown)
	s.reopen()
	check("of a commit that was refused", a, "k", "2")
	check("of the batch that was wrong", b, "k", "b")
	s.holds(a)
	s.holds(b)

	life := newLog("/a", 2)
	reset := life.batch(1)
	reset.Replaces = a.stream.Incarnation
	s.commit(reset)
	life.add(reset)
	check("of the stream before the reset", life, "k", "none")
	if _, err := s.Checkpoint(t.Context(), a.stream, "k"); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("of the incarnation that is gone: got %v, want ErrNoStream", err)
	}
	for range 5 { // until what the reset has left is swept
		next := life.batch(1)
		s.commit(next)
		life.add(next)
	}
	check("of another stream, after a reset", b, "k", "b")
	testCheckpointed(t, s, life)
}

// testCheckpointed is called with a checkpoint on /b and none on a.
func testCheckpointed(t *testing.T, s *suite, a *log) {
	list := func(after millpond.Name, limit int) (paths []string) {
		t.Helper()
		names, err := s.Checkpointed(t.Context(), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			paths = append(paths, n.String())
		}
		return paths
	}
	if got, want := list(millpond.Name{}, 10), []string{"default:/b"}; !slices.Equal(got, want) {
		t.Errorf("after a reset: got %q, want %q", got, want)
	}
	s.commit(a.keeps(store.Checkpoint{Key: "x", Data: []byte{}}, store.Checkpoint{Key: "y", Data: []byte{}}))
	want := []string{"default:/a", "default:/b"}
	for i := range 3 {
		l := newLog(fmt.Sprintf("/n/%d", i), 1)
		b := l.batch(1)
		b.Checkpoints = []store.Checkpoint{{Key: "k", Data: []byte{}}}
		s.commit(b)
		want = append(want, "default:"+l.stream.Name.Path)
	}
	if got := list(millpond.Name{}, 10); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := list(millpond.Name{}, 2); !slices.Equal(got, want[:2]) {
		t.Errorf("the first two: got %q, want %q", got, want[:2])
	}
	if got := list(millpond.Name{Namespace: "default", Path: "/b"}, 2); !slices.Equal(got, want[2:4]) {
		t.Errorf("two after /b: got %q, want %q", got, want[2:4])
	}
	if got := list(millpond.Name{Namespace: "later", Path: "/"}, 2); len(got) != 0 {
		t.Errorf("after the last: got %q", got)
	}
	s.commit(a.keeps(store.Checkpoint{Key: "x"}, store.Checkpoint{Key: "y"}))
	if got := list(millpond.Name{}, 1); !slices.Equal(got, want[1:2]) {
		t.Errorf("without any of /a: got %q, want %q", got, want[1:2])
	}
}
