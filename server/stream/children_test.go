package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// children are the paths that the stream's log tells of, in order.
func (h *harness) children(n millpond.Name) []string {
	h.t.Helper()
	var paths []string
	for _, e := range h.log(n) {
		if e.Type == millpond.TypeChildStreamCreated {
			var p millpond.ChildStreamCreatedPayload
			if err := json.Unmarshal(e.Payload, &p); err != nil {
				h.t.Fatal(err)
			}
			paths = append(paths, p.ChildPath)
		}
	}
	return paths
}

func (h *harness) wantChildren(path string, told []string, immediate ...string) {
	h.t.Helper()
	n := name(path)
	if got := h.children(n); !slices.Equal(got, told) {
		h.t.Errorf("%s was told of %q, want %q", path, got, told)
	}
	if got := slices.Collect(h.state(n).ChildPaths.All()); !slices.Equal(got, immediate) {
		h.t.Errorf("children of %s: %q, want %q", path, got, immediate)
	}
}

// S11: creating /a/b/c is told to /, /a and /a/b, once each; the state keeps the immediate children, after a restart, too.
func TestChildren(t *testing.T) {
	h := newHarness(t)
	h.append(name("/a/b/c"), input("x"))
	h.append(name("/a/b/c"), input("x"))
	h.append(name("/d"), input("x"))
	h.append(millpond.Name{Namespace: "other", Path: "/e"}, input("x"))
	for range 2 {
		h.wantChildren("/", []string{"/a", "/a/b", "/a/b/c", "/d"}, "/a", "/d")
		h.wantChildren("/a", []string{"/a/b", "/a/b/c"}, "/a/b")
		h.wantChildren("/a/b", []string{"/a/b/c"}, "/a/b/c")
		h.wantChildren("/a/b/c", nil)
		h.restart()
		h.append(name("/a/b/c"), input("x")) // wakes it, and tells nobody
	}
	s := h.subscribe(name("/a/x"), SubscribeOptions{}) // subscribing creates, too
	defer s.Close()
	h.wantChildren("/a", []string{"/a/b", "/a/b/c", "/a/x"}, "/a/b", "/a/x")
	if got := types(h.log(name("/a/b")))[:2]; !slices.Equal(got, []string{millpond.TypeCreated, millpond.TypeWoken}) {
		t.Errorf("/a/b begins with %q", got)
	}
}

// S11: a stream and what is told of it are one transaction: a commit that fails leaves neither, and the next one is whole.
func TestChildrenAreAtomic(t *testing.T) {
	h := newHarness(t)
	h.append(name("/a"), input("x"))
	commits := h.store.set(errors.New("no"), nil)
	for range 2 {
		if _, err := h.Append(t.Context(), name("/a/b/c"), inputs(1)); err == nil {
			t.Error("the commit did not fail")
		}
	}
	h.store.set(nil, nil)
	h.wantChildren("/a", nil)
	h.refuse(name("/a/b/c"), millpond.OffsetConflict, at("x", 99)) // creates nothing, so that nothing is told
	h.wantChildren("/a", nil)
	before := h.store.set(nil, nil)
	h.append(name("/a/b/c"), input("x"))
	if got := h.store.set(nil, nil) - before; got != 1 {
		t.Errorf("%d commits, want 1 (there were %d)", got, commits)
	}
	h.wantChildren("/a", []string{"/a/b", "/a/b/c"}, "/a/b")
	h.wantChildren("/", []string{"/a", "/a/b", "/a/b/c"}, "/a")
}

// S11: whoever creates streams at the same time, each is told once.
func TestChildrenConcurrent(t *testing.T) {
	h := newHarness(t)
	const writers, streams = 8, 60
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range streams {
				path := fmt.Sprintf("/%d/%d", i%3, i)
				if w%2 == 1 {
					path += "/deep"
				}
				if w == 0 && i%10 == 0 {
					_ = h.Kill(t.Context(), name("/")) // those above may go away at any time
				}
				h.append(name(path), input("x"))
			}
		})
	}
	wg.Wait()
	told := h.children(name("/"))
	slices.Sort(told)
	if unique := slices.Compact(slices.Clone(told)); len(unique) != len(told) || len(told) != 3+2*streams {
		t.Errorf("the root was told %d times of %d streams, there are %d", len(told), len(unique), 3+2*streams)
	}
	if got := h.state(name("/")).ChildPaths.Len(); got != 3 {
		t.Errorf("%d children of the root, want 3", got)
	}
	for i := range 3 {
		if got := h.state(name(fmt.Sprint("/", i))).ChildPaths.Len(); got != streams/3 {
			t.Errorf("%d children of /%d, want %d", got, i, streams/3)
		}
	}
}

// S11: a stream whose parent was reset is not forgotten: the reset tells of its children, and a child of a parent that does not
// know it (its log is of a time before this was told) tells again when it wakes.
func TestChildrenOfReset(t *testing.T) {
	h := newHarness(t)
	h.append(name("/a/b"), input("x"))
	h.append(name("/c"), input("x"))
	if err := h.Reset(t.Context(), name("/")); err != nil {
		t.Fatal(err)
	}
	h.wantChildren("/", []string{"/a", "/c"}, "/a", "/c")
	if err := h.Reset(t.Context(), name("/a/b")); err != nil { // it is there already
		t.Fatal(err)
	}
	h.wantChildren("/a", []string{"/a/b"}, "/a/b")
	h.tamper(`DELETE FROM snapshots`) // the log alone says the same
	h.wantChildren("/", []string{"/a", "/c"}, "/a", "/c")
	h.tamper(`DELETE FROM snapshots WHERE stream = (SELECT id FROM streams WHERE path = '/');
		DELETE FROM log WHERE stream = (SELECT id FROM streams WHERE path = '/') AND offset > 2;
		UPDATE streams SET max_offset = 2, hash = (SELECT hash FROM log WHERE stream = streams.id AND offset = 2) WHERE path = '/'`)
	h.wantChildren("/", nil)
	h.append(name("/c"), input("x"))
	h.wantChildren("/", []string{"/c"}, "/c")
	h.append(name("/a/b"), input("x")) // tells the root of the way to it; /a knows it, and need not wake
	h.wantChildren("/", []string{"/c", "/a/b"}, "/a", "/c")
	h.wantChildren("/a", []string{"/a/b"}, "/a/b")
}

// S9, S11: a state that is large is not written with each event that changes it, and nothing of it is lost for that.
func TestLargeSnapshot(t *testing.T) {
	h := newHarness(t)
	const children = 1000
	written := 0
	h.store.onCommit = func(b store.Batch) {
		if b.Stream.Name == name("/") {
			written += len(b.Snapshot.Data)
		}
	}
	for i := range children {
		h.append(name(fmt.Sprintf("/child-%04d", i)), input("x"))
		if i%200 == 100 {
			h.Kill(t.Context(), name("/")) // loaded again, from a snapshot and what follows it
		}
	}
	if got := h.state(name("/")).ChildPaths.Len(); got != children {
		t.Errorf("%d children, want %d", got, children)
	}
	if limit := 2 * children * snapshotEventBytes; written > limit {
		t.Errorf("%d bytes of snapshots were written for %d children, at most %d are allowed", written, children, limit)
	}
	h.restart()
	if got := h.state(name("/")).ChildPaths.Len(); got != children {
		t.Errorf("after a restart: %d children, want %d", got, children)
	}
	h.tamper("DELETE FROM snapshots")
	if got := h.state(name("/")).ChildPaths.Len(); got != children {
		t.Errorf("from the log: %d children, want %d", got, children)
	}
	if got := h.Counters(); got.RebuildsMissing == 0 || got.RebuildsCorrupt != 0 || got.RebuildsVersion != 0 {
		t.Errorf("counted %+v", got)
	}
}

// S9, S11: what a large state has changed since its snapshot is not forgotten over a load: events that change nothing follow, so many that
// a later load would take the snapshot for the newest.
func TestLargeSnapshotLoaded(t *testing.T) {
	h := newHarness(t)
	root := name("/")
	var snapshot int // bytes of the last one
	h.store.onCommit = func(b store.Batch) {
		if b.Stream.Name == root && b.Snapshot.Data != nil {
			snapshot = len(b.Snapshot.Data)
		}
	}
	children := 0
	for before := 0; snapshot == before || snapshot < 4*smallSnapshotBytes; children++ { // up to one that has just been written
		before = snapshot
		h.append(name(fmt.Sprintf("/child-%04d", children)), input("x"))
	}
	h.append(name("/late"), input("x")) // not in it
	if err := h.Kill(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	for range 2*snapshot/snapshotEventBytes + 10 {
		h.append(root, input("x"))
	}
	if err := h.Kill(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	if paths := h.state(root).ChildPaths; paths.Len() != children+1 || !paths.Has("/late") {
		t.Errorf("%d children, want %d, with the last one", paths.Len(), children+1)
	}
}
