package stream

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
)

// S1, S8: while the store's sync does not end, reads and subscriptions go on with what is durable, also of streams that are not
// in memory; nothing of what is being committed is seen; appends wait no longer than they want to; the end of the engine is
// bounded; and when the store answers, all that was acknowledged meanwhile, which is nothing, and all that waits is there once.
func TestStuckStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stuck chan struct{}
		logged := new(strings.Builder)
		s := memory.New(memory.Options{BeforeCommit: func(context.Context, []store.Batch) error {
			if stuck != nil {
				<-stuck
			}
			return nil
		}})
		e, err := Open(Options{Store: s, Logger: slog.New(slog.NewTextHandler(logged, nil))})
		if err != nil {
			t.Fatal(err)
		}
		h := &harness{Engine: e, t: t}
		loaded, other := name("/loaded"), name("/other")
		h.append(loaded, input("a"))
		h.append(other, input("a"))
		if err := h.Kill(t.Context(), other); err != nil { // it leaves the memory
			t.Fatal(err)
		}
		tail := h.subscribe(loaded, SubscribeOptions{})

		release := make(chan struct{})
		stuck = release
		type answer struct {
			events []millpond.Event
			err    error
		}
		patient := make(chan answer, 2)
		for _, n := range []millpond.Name{loaded, other} {
			go func() {
				events, err := h.Append(context.Background(), n, []millpond.Input{keyed("b", "k")})
				patient <- answer{events, err}
			}()
			synctest.Wait()
		}
		for _, n := range []millpond.Name{loaded, other} {
			if got := h.log(n); len(got) != 3 || got[2].Type != "a" {
				t.Errorf("the log of %s has %+v", n, got)
			}
			if got := h.state(n); got.MaxOffset != 3 {
				t.Errorf("the state of %s is at %d", n, got.MaxOffset)
			}
		}
		history := h.subscribe(loaded, SubscribeOptions{After: from(0)})
		if b, events := h.next(history, 1<<20); len(events) != 3 || b.MaxOffset != 3 {
			t.Errorf("a subscriber has got %d events of %d", len(events), b.MaxOffset)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := tail.Next(ctx, 1<<20); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("what is not durable was delivered: %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := h.Append(ctx, loaded, []millpond.Input{input("impatient")}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("an append that waits for 3 s: %v after %v", err, time.Since(began))
		}
		if h.Stuck() || strings.Contains(logged.String(), "does not answer") {
			t.Error("taken for stuck too early")
		}
		time.Sleep(stuckCommit - 6*time.Second)
		synctest.Wait()
		if !h.Stuck() || !strings.Contains(logged.String(), "does not answer") || h.Gauges().Committing != stuckCommit {
			t.Errorf("not taken for stuck: %v: %s", h.Gauges().Committing, logged)
		}

		ctx, cancel = context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began = time.Now()
		if err := h.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("close: %v after %v, want after 3 s", err, time.Since(began))
		}
		close(release)
		for range 2 {
			if a := <-patient; a.err != nil || a.events[0].Type != "b" {
				t.Errorf("an append that has waited: %+v", a)
			}
		}
		if h.Stuck() || h.Gauges().Committing != 0 {
			t.Error("still taken for stuck")
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if h.Engine, err = Open(Options{Store: s.Reopen(), Logger: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
		for n, want := range map[millpond.Name]int{loaded: 4, other: 5} { // the other one has woken
			if got := h.log(n); len(got) != want || got[want-1].Type != "b" {
				t.Errorf("the log of %s has %+v", n, types(got))
			}
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
