package stream

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/millpond-dev/millpond"
)

// S21: a stream that nobody uses is dropped from memory, and comes back on the next touch, with woken.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		used, idle, followed := name("/used"), name("/idle"), name("/followed")
		for _, n := range []millpond.Name{used, idle, followed} {
			h.append(n, input("x"))
		}
		s := h.subscribe(followed, SubscribeOptions{})
		defer s.Close()
		before := h.state(idle)
		for range 4 {
			time.Sleep(defaultIdleTimeout / 2)
			synctest.Wait()
			h.append(used, input("x"))
		}
		if got := h.loaded(); len(got) != 2 || !got[used] || !got[followed] {
			t.Errorf("in memory: %v, want those that are used and followed", got)
		}
		if got := h.Counters().Evictions; got != 2 { // /idle and the root
			t.Errorf("%d evictions, want 2", got)
		}
		if got := h.state(idle); got.IncarnationID != before.IncarnationID || got.MaxOffset != before.MaxOffset {
			t.Errorf("looking at it has woken it: %+v", got)
		}
		if got := h.append(idle, input("x"))[0].Offset; got != before.MaxOffset+2 {
			t.Errorf("offset %d, want %d, after woken", got, before.MaxOffset+2)
		}
		h.append(followed, input("y"))
		if _, events := h.next(s, 1<<20); len(events) != 1 || events[0].Type != "y" {
			t.Errorf("the subscriber got %+v", events)
		}
	})
}

// S21: what is queued is never for a stream that was dropped meanwhile.
func TestIdleWithQueuedRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		n := name("/a")
		h.append(n, input("x"))
		release := make(chan struct{})
		h.store.set(nil, release)
		done := make(chan uint64, 2)
		for range 2 { // one in its commit, one in the queue
			go func() { done <- h.append(n, input("x"))[0].Offset }()
			synctest.Wait()
		}
		time.Sleep(3 * defaultIdleTimeout)
		h.store.set(nil, nil)
		close(release)
		if first, second := <-done, <-done; first+second != 4+5 {
			t.Errorf("offsets %d and %d, want 4 and 5: no woken in between", first, second)
		}
	})
}

// S12, S21: what is left of a log that was reset is deleted while nothing else happens.
func TestIdleSweepsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		n := name("/a")
		for range 5 {
			h.append(n, inputs(1000)...)
		}
		if err := h.Reset(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the committer has nothing more to do
		if more, err := h.store.Sweep(t.Context()); more || err != nil {
			t.Errorf("there is more to sweep: %v, %v", more, err)
		}
		if rows := h.count("SELECT count(*) FROM log"); rows != 2+3 {
			t.Errorf("%d rows in the log, want those of two streams: 5", rows)
		}
	})
}

// loaded are the streams in memory.
func (h *harness) loaded() map[millpond.Name]bool {
	names := map[millpond.Name]bool{}
	for _, in := range h.all() {
		names[in.name] = true
	}
	return names
}
