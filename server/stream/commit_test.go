package stream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// S1: nothing is acknowledged, delivered or shown before it is durable. One commit is held back: requests wait, and the
// next commit takes them all.
func TestNothingBeforeSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		n := name("/a")
		h.append(n, input("before"))
		s := h.subscribe(n, SubscribeOptions{})
		batches, acks := make(chan millpond.Batch, 10), make(chan uint64, 10)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				b, err := s.Next(t.Context(), 1<<20)
				if err != nil {
					return
				}
				batches <- b
			}
		}()
		release := make(chan struct{})
		commits := h.store.set(nil, release)
		for range 5 {
			go func() { acks <- h.append(n, input("x"))[0].Offset }()
			synctest.Wait() // all are blocked: the first in its commit, the others in the queue
		}
		if len(acks) != 0 || len(batches) != 0 {
			t.Fatalf("%d acknowledgements, %d batches before the commit", len(acks), len(batches))
		}
		if state := h.state(n); state.MaxOffset != 3 {
			t.Errorf("state shows offset %d before the commit", state.MaxOffset)
		}
		if events, err := h.Read(t.Context(), n, ReadOptions{After: 3}); err != nil || len(events) != 0 {
			t.Errorf("read %+v, %v before the commit", events, err)
		}
		close(release)
		synctest.Wait()
		if len(acks) != 5 {
			t.Errorf("%d acknowledgements, want 5", len(acks))
		}
		if got := h.store.set(nil, nil) - commits; got != 2 {
			t.Errorf("5 appends took %d commits, want 2", got)
		}
		last := uint64(3)
		for len(batches) > 0 { // one or two, as it happened
			b := <-batches
			if b.LastOffset <= last {
				t.Errorf("a batch up to %d after one up to %d", b.LastOffset, last)
			}
			last = b.LastOffset
		}
		if last != 8 {
			t.Errorf("delivered up to %d, want 8", last)
		}
		s.Close()
		<-done
	})
}

// S1: a commit that fails is told to all who wait for it and leaves memory, log and subscribers as they were.
func TestFailedCommit(t *testing.T) {
	for _, test := range []struct {
		fail error
		want millpond.ErrorCode
	}{
		{&store.Error{Kind: store.ErrFull, Path: "/secret/path"}, millpond.Unavailable},
		{errors.New("I/O error at /secret/path"), millpond.Internal},
		{&store.Error{Kind: store.ErrCorrupt, Path: "/secret/path"}, millpond.Internal},
	} {
		t.Run(string(test.want), func(t *testing.T) {
			h := newHarness(t)
			n := name("/a")
			h.append(n, keyed("x", "k"))
			s := h.subscribe(n, SubscribeOptions{})
			defer s.Close()
			h.store.set(test.fail, nil)
			told := h.refuse(n, test.want, input("lost"), keyed("lost", "lost"))
			if got := told.Error(); strings.Contains(got, "/secret") {
				t.Errorf("the client is told %q", got)
			}
			if _, err := h.Append(t.Context(), name("/new"), inputs(1)); !errors.Is(err, test.want) {
				t.Errorf("append to a stream that cannot be loaded: %v", err)
			}
			if err := h.Reset(t.Context(), n); !errors.Is(err, test.want) {
				t.Errorf("reset: %v", err)
			}
			h.append(n, keyed("x", "k")) // what is in the log needs no commit

			h.store.set(nil, nil)
			if got := h.append(n, keyed("found", "lost"))[0]; got.Offset != 4 || got.Type != "found" {
				t.Errorf("after the failure: got %+v, want offset 4", got)
			}
			if b, events := h.next(s, 1<<20); len(events) != 1 || events[0].Type != "found" || b.LastOffset != 4 {
				t.Errorf("subscriber got %+v", events)
			}
			if got := h.append(name("/new"), input("x"))[0].Offset; got != 3 {
				t.Errorf("new stream: offset %d, want 3", got)
			}
		})
	}
}

// S2: a commit whose answer is lost: memory and store differ, until the store says so and the stream is loaded again.
// Who retries with the same key has appended once.
func TestLostAnswer(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, input("x"))
	s := h.subscribe(n, SubscribeOptions{})
	h.store.lost = errors.New("lost")
	if _, err := h.Append(t.Context(), n, []millpond.Input{keyed("lost", "k")}); !errors.Is(err, millpond.Internal) {
		t.Errorf("got %v, want Internal", err)
	}
	h.store.lost = nil
	if _, err := h.Append(t.Context(), n, inputs(1)); !errors.Is(err, millpond.Unavailable) {
		t.Errorf("got %v, want Unavailable", err)
	}
	var end *EndError
	if _, err := s.Next(t.Context(), 1); !errors.As(err, &end) || end.Reason != millpond.EndKilled {
		t.Errorf("subscriber got %v, want killed", err)
	}
	if got := h.append(n, keyed("again", "k"))[0]; got.Offset != 4 || got.Type != "lost" {
		t.Errorf("got %+v, want the event at 4", got)
	}
	if got := h.append(n, input("y"))[0].Offset; got != 6 {
		t.Errorf("offset %d, want 6, after woken", got)
	}
}

// S2: the same, and the store says so when it is asked for the key: the original is not told of while the head in memory is
// before it.
func TestLostAnswerRetried(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, input("x"))
	h.store.lost = errors.New("lost")
	if _, err := h.Append(t.Context(), n, []millpond.Input{keyed("lost", "k")}); !errors.Is(err, millpond.Internal) {
		t.Errorf("got %v, want Internal", err)
	}
	h.store.lost = nil
	if events, err := h.Append(t.Context(), n, []millpond.Input{keyed("again", "k")}); !errors.Is(err, millpond.Unavailable) {
		t.Errorf("got %+v, %v, want Unavailable", events, err)
	}
	if got := h.append(n, keyed("again", "k"))[0]; got.Offset != 4 || got.Type != "lost" {
		t.Errorf("got %+v, want the event at 4", got)
	}
	if events := h.log(n); len(events) != 5 || events[4].Type != millpond.TypeWoken {
		t.Errorf("the log is %q, want woken after the event at 4, and no other", types(events))
	}
}

// S3: an append that is refused for another one in its transaction is not told so when that one is not committed.
func TestRefusedForWhatIsNotDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		n := name("/a")
		h.append(n, input("x"))
		release := make(chan struct{})
		h.store.set(nil, release)
		var results [3]error
		var appends sync.WaitGroup
		for i, in := range []millpond.Input{input("held"), input("fails"), at("refused", 5)} {
			appends.Go(func() { _, results[i] = h.Append(context.Background(), n, []millpond.Input{in}) })
			synctest.Wait() // the first is in its commit, the others in the queue
		}
		h.store.set(&store.Error{Kind: store.ErrFull}, release)
		close(release)
		appends.Wait()
		if results[0] != nil {
			t.Error(results[0])
		}
		for _, err := range results[1:] {
			if !errors.Is(err, millpond.Unavailable) {
				t.Errorf("got %v, want Unavailable", err)
			}
		}
		h.store.set(nil, nil)
		if got := h.append(n, at("y", 5))[0].Offset; got != 5 {
			t.Errorf("offset %d, want 5", got)
		}
	})
}

// S1, S8: what is durable but not acknowledged yet is not delivered ahead of the head.
func TestNothingAheadOfHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		n := name("/a")
		h.append(n, inputs(5)...)
		h.restart() // so that the events are not in memory
		s := h.subscribe(n, SubscribeOptions{After: from(0)})
		defer s.Close()
		hold := make(chan struct{})
		h.store.hold = hold
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.append(n, input("x"))
		}()
		synctest.Wait()
		if b, events := h.next(s, 1<<20); !b.Live || b.MaxOffset != 8 || len(events) != 8 {
			t.Errorf("got %d events, %+v, want all 8 before the commit", len(events), b)
		}
		if events := h.log(n); len(events) != 8 {
			t.Errorf("read %d events, want the 8 before the commit", len(events))
		}
		close(hold)
		<-done
		if b, events := h.next(s, 1<<20); !b.Live || len(events) != 1 || events[0].Type != "x" {
			t.Errorf("got %+v", events)
		}
	})
}

// Who gives up waiting before the committer gets to the request has appended nothing.
func TestCancelledBeforeCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		n := name("/a")
		h.append(n, input("x"))
		release := make(chan struct{})
		h.store.set(nil, release)
		done := make(chan struct{})
		go func() {
			defer close(done)
			h.append(n, input("held"))
		}()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error)
		go func() {
			_, err := h.Append(ctx, n, []millpond.Input{input("cancelled")})
			errs <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-errs; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want Canceled", err)
		}
		h.store.set(nil, nil)
		close(release)
		<-done
		if got := h.append(n, input("y"))[0].Offset; got != 5 {
			t.Errorf("the next event has offset %d, want 5", got)
		}
	})
}

// The queue is bounded: who finds it full waits, until there is room or its context ends; all that waits for a commit
// when the engine is closed is committed.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		n := name("/a")
		h.append(n, input("x"))
		release := make(chan struct{})
		h.store.set(nil, release)
		const writers = maxQueuedRequests + 10
		results := make(chan error, writers)
		write := func(ctx context.Context) {
			_, err := h.Append(ctx, n, []millpond.Input{input("x")})
			results <- err
		}
		go write(t.Context())
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		for range maxQueuedRequests {
			go write(t.Context())
		}
		synctest.Wait()
		for range 5 {
			go write(ctx)
		}
		synctest.Wait()
		if got := len(h.committer.queue.requests); got != maxQueuedRequests {
			t.Errorf("%d requests in the queue, want %d", got, maxQueuedRequests)
		}
		cancel()
		synctest.Wait()
		if got := len(results); got != 5 {
			t.Fatalf("%d writers have ended, want the 5 cancelled", got)
		}
		for range 5 {
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want Canceled", err)
			}
		}
		closed := make(chan error)
		go func() { closed <- h.Engine.Close(t.Context()) }()
		synctest.Wait()
		if _, err := h.Append(t.Context(), n, inputs(1)); !errors.Is(err, millpond.Unavailable) {
			t.Errorf("append while closing: %v", err)
		}
		close(release)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		for range maxQueuedRequests + 1 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		h.restart()
		if got := h.state(n).MaxOffset; got != 3+maxQueuedRequests+1 {
			t.Errorf("the log ends at %d, want %d", got, 3+maxQueuedRequests+1)
		}
	})
}

// One transaction takes many streams; each keeps its own offsets.
func TestGroupCommitOfManyStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		release := make(chan struct{})
		h.append(name("/first"), input("x"))
		commits := h.store.set(nil, release)
		done := make(chan struct{})
		for i := range 50 {
			go func() {
				h.append(name(fmt.Sprint("/", i%10)), inputs(3)...)
				done <- struct{}{}
			}()
		}
		synctest.Wait()
		close(release)
		for range 50 {
			<-done
		}
		if got := h.store.set(nil, nil) - commits; got > 2 { // one when all were there before the committer looked
			t.Errorf("%d commits, want at most 2", got)
		}
		for i := range 10 {
			if got := len(h.log(name(fmt.Sprint("/", i)))); got != 2+5*3 {
				t.Errorf("stream %d has %d events, want 17", i, got)
			}
		}
	})
}
