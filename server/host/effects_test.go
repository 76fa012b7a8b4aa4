package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// S15: the anchor keeps history from firing effects again: events up to it are only folded.
func TestAnchor(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := name("/s")
		r.append(n, inputs(5, "x")...)     // 3 to 7
		r.append(n, configure("new", "p")) // 8; registered: 9
		r.phase("new", n, "new", Live)     // acts after 8
		equal(t, "history", p.offsets(), nil)
		r.append(n, input("x")) // 10
		r.settle()
		equal(t, "new", p.offsets(), []uint64{10})
		if got := r.checkpoint(n, "new"); string(got.State) != `{"events":6,"last":10}` || got.Anchor != 8 {
			t.Errorf("the checkpoint is %+v", got)
		}

		r.append(n, anchored("from 5", "p", 5)) // 11
		r.settle()
		equal(t, "from 5", p.offsets(), []uint64{6, 7, 10})
		r.append(n, anchored("from 5", "p", 0)) // 12
		r.settle()
		equal(t, "configured again, from 0", p.offsets(), []uint64{3, 4, 5, 6, 7, 10})
		r.append(n, configure("from 5", "p")) // 13
		r.settle()
		equal(t, "configured again, without an anchor", p.offsets(), nil)
		if got := r.checkpoint(n, "from 5"); string(got.State) != `{"events":6,"last":10}` {
			t.Errorf("the state is %s", got.State)
		}
		r.append(n, configure("from 5", ""), configure("from 5", "p")) // 14, 15
		r.settle()
		equal(t, "removed and made again", p.offsets(), nil)
		if got := r.status(n, "from 5").Anchor; got != 15 {
			t.Errorf("the anchor is %d, want 15", got)
		}
	})
}

// S15: another version of a processor folds the whole stream again, and fires nothing for what the older one has acted on.
func TestNewVersion(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := name("/s")
		r.append(n, anchored("k", "p", 0))
		r.settle()
		r.append(n, inputs(3, "x")...) // 5, 6, 7
		r.settle()
		if err := r.host.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		r.append(n, input("x")) // 8: not yet acted on
		p.offsets()
		p.contract.Version = "2"
		p.reduce = func(s tally, e *millpond.Event) tally { return tally{s.Events + 100, e.Offset} }
		r.processors = define(p)
		r.restart()
		r.settle()
		equal(t, "calls of version 2", p.offsets(), []uint64{8})
		if got := r.checkpoint(n, "k"); string(got.State) != `{"events":400,"last":8}` || got.Anchor != 7 {
			t.Errorf("the checkpoint is %+v", got)
		}

		// The new version crashes while it folds history: the anchor stays.
		p.contract.Version = "3"
		r.processors = define(p)
		r.stop()
		r.store = r.store.Reopen()
		r.plant(checkpoints, nil)
		r.start()
		r.settle()
		r.crash()
		r.settle()
		equal(t, "calls of version 3", p.offsets(), nil)
	})
}

// S15: a version that is replaced while it still folds history leaves its anchor to the next one, although its checkpoint is before
// that.
func TestNewVersionWhileFolding(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := name("/s")
		for range 6 {
			r.append(n, inputs(1000, "x")...) // 3 to 6002
		}
		r.append(n, configure("k", "p")) // 6003
		r.settle()
		p.contract.Version = "2"
		p.reduce = func(s tally, e *millpond.Event) tally {
			if e.Offset == 5000 {
				panic("not further")
			}
			return tally{s.Events + 1, e.Offset}
		}
		r.processors = define(p)
		r.restart()
		r.pass(time.Hour)
		r.phase("version 2", n, "k", Failed)
		if got := r.checkpoint(n, "k"); got.Processor.Version != "2" || got.Offset < checkpointOffsets || got.Offset >= 5000 || got.Anchor < 6003 {
			t.Errorf("the checkpoint is %+v", got)
		}
		p.contract.Version, p.reduce = "3", nil
		r.processors = define(p)
		r.restart()
		r.phase("version 3", n, "k", Live)
		equal(t, "calls", p.offsets(), nil)
	})
}

// S15: a state that cannot be read any more is folded again, as that of another version is.
func TestUnreadableState(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, inputs(3, "x")...)
		r.settle()
		p.offsets()
		var acted list
		r.processors = []millpond.Definition{millpond.Define[[]string](&acted)} // an array, where the older one has an object
		r.restart()
		r.settle()
		if got := r.checkpoint(n, "k"); string(got.State) != `["x","x","x"]` {
			t.Errorf("the state is %s", got.State)
		}
		equal(t, "calls", acted, nil)
	})
}

// list is a processor with the slug and version of a probe and another state. It holds what it was called for.
type list []uint64

func (*list) Contract() millpond.Contract {
	return millpond.Contract{Slug: "p", Version: "1", Consumes: []string{"x"}}
}

func (*list) Reduce(s []string, e *millpond.Event) []string {
	return append(append([]string{}, s...), e.Type)
}

func (l *list) ProcessEvent(_ context.Context, _ millpond.Effects, step millpond.Step[[]string]) error {
	*l = append(*l, step.Event.Offset)
	return nil
}

// S15: the checkpoint passes events that the processor does not consume: at once in memory, and from time to time durably.
func TestUnconsumed(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, input("x"))
		r.settle()
		for range 6 {
			r.append(n, inputs(1000, "other")...)
		}
		r.settle()
		got := r.status(n, "k")
		if got.Offset != 6005 || got.Lag != 0 {
			t.Errorf("status: %+v", got)
		}
		if got.Checkpoint < checkpointOffsets || r.checkpoint(n, "k").Offset != got.Checkpoint {
			t.Errorf("the checkpoint is at %d, the status says %d", r.checkpoint(n, "k").Offset, got.Checkpoint)
		}
	})
}

// S15: while history is folded slowly, the checkpoint follows after some time, however few the events are: a crash does not throw
// the fold back to its start.
func TestCheckpointWhileFolding(t *testing.T) {
	p := newProbe("p", "x")
	p.reduce = func(s tally, e *millpond.Event) tally {
		time.Sleep(10 * time.Millisecond)
		return tally{s.Events + 1, e.Offset}
	}
	inBubble(t, define(p), func(r *rig) {
		n := name("/s")
		for range 3 {
			r.append(n, inputs(1000, "x")...)
		}
		r.append(n, configure("k", "p"))
		r.pass(15 * time.Second)
		if got := r.checkpoint(n, "k").Offset; got < 900 || got > 2500 {
			t.Errorf("halfway through 3,000 events the checkpoint is at %d", got)
		}
		r.phase("halfway", n, "k", CatchingUp)
	})
}

// S15: work that blocks holds the checkpoint; work in the background does not, and its failure is only told.
func TestBlockWhileAndBackground(t *testing.T) {
	p := newProbe("p", "block", "background", "x")
	inBubble(t, define(p), func(r *rig) {
		release := make(chan error)
		p.event = func(_ context.Context, fx millpond.Effects, step millpond.Step[tally]) error {
			work := func(context.Context, millpond.Effects) error { return <-release }
			switch step.Event.Type {
			case "block":
				fx.BlockWhile(work)
				fx.BlockWhile(work)
			case "background":
				fx.Background(work)
			}
			return nil
		}
		n := r.hosting("p")
		r.append(n, input("background"), input("x")) // 5, 6
		r.settle()
		equal(t, "beside the background", p.offsets(), []uint64{5, 6})
		if got := r.status(n, "k"); got.Checkpoint != 6 || got.Background != 1 {
			t.Errorf("background: %+v", got)
		}
		release <- errPlanted
		r.settle()
		if got := r.status(n, "k"); got.LastError == "" || got.Phase != Live || got.Generation != 1 || got.Background != 0 {
			t.Errorf("a failure in the background: %+v", got)
		}

		r.append(n, input("block"), input("x")) // 7, 8
		r.settle()
		release <- nil
		r.settle()
		equal(t, "while one of two still blocks", p.offsets(), []uint64{7})
		if got := r.status(n, "k"); got.Checkpoint != 6 || got.BusySince == nil {
			t.Errorf("blocked: %+v", got)
		}
		release <- nil
		r.settle()
		equal(t, "released", p.offsets(), []uint64{8})
		if got := r.checkpoint(n, "k").Offset; got != 8 {
			t.Errorf("the checkpoint is at %d, want 8", got)
		}

		r.append(n, input("block")) // 9: its failure is the event's
		r.settle()
		release <- nil
		release <- errPlanted
		r.pass(minBackoff * 3 / 2)
		release <- nil
		release <- nil
		r.settle()
		equal(t, "failed and again", p.offsets(), []uint64{9, 9})
		if got := r.status(n, "k"); got.Generation != 2 || got.Offset != 9 {
			t.Errorf("after the second attempt: %+v", got)
		}
	})
}

// S15: panics and nested work are no special cases.
func TestWorkPanicsAndNests(t *testing.T) {
	p := newProbe("p", "x")
	p.contract.Emits = []string{"y"}
	calls := 0
	p.event = func(ctx context.Context, fx millpond.Effects, _ millpond.Step[tally]) error {
		calls++
		first := calls == 1
		fx.BlockWhile(func(ctx context.Context, fx millpond.Effects) error {
			fx.BlockWhile(func(ctx context.Context, fx millpond.Effects) error {
				if first {
					panic("nested")
				}
				_, err := fx.Append(ctx, input("y"))
				return err
			})
			fx.Background(func(ctx context.Context, fx millpond.Effects) error {
				_, err := fx.Append(ctx, input("y"))
				return err
			})
			return nil
		})
		fx.Background(func(ctx context.Context, fx millpond.Effects) error {
			_, err := fx.Append(ctx, input("y"))
			fx.Background(func(context.Context, millpond.Effects) error { panic("behind") })
			return err
		})
		return nil
	}
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, input("x"))
		r.pass(time.Minute)
		if got := len(r.log(n, "y")); got != 3 || calls != 2 {
			t.Errorf("%d appends of %d calls, want 3 of 2", got, calls)
		}
		if !strings.Contains(r.logged.String(), "behind") {
			t.Error("the panic in the background was not told")
		}
		r.phase("after", n, "k", Live)
	})
}

// S15: what an event causes is appended once, however often it is processed: also when the process crashes between the effect and
// the checkpoint. Its keys are out of reach for clients.
func TestEffectsHappenOnce(t *testing.T) {
	p := newProbe("p", "x")
	p.contract.Emits = []string{"y"}
	p.event = func(ctx context.Context, fx millpond.Effects, _ millpond.Step[tally]) error {
		for range 2 {
			if _, err := fx.Append(ctx, input("y"), input("y")); err != nil {
				return err
			}
			if _, err := fx.Append(ctx, elsewhere("../audit", "y")); err != nil {
				return err
			}
		}
		fx.BlockWhile(func(ctx context.Context, fx millpond.Effects) error {
			_, err := fx.Append(ctx, input("y"))
			return err
		})
		return nil
	}
	inBubble(t, define(p), func(r *rig) {
		n, audit := name("/s"), name("/audit")
		r.append(n, configure("k", "p"))
		r.settle()
		r.plant(checkpoints, nil)
		r.append(n, input("x"), input("x"))
		r.settle()
		r.crash()
		r.pass(time.Minute)
		if got := len(p.offsets()); got < 3 {
			t.Errorf("%d calls, want some again", got)
		}
		keys := map[string]bool{}
		for _, e := range r.log(n, "y") {
			keys[e.IdempotencyKey] = true
			if e.Source == nil || e.Source.Processor != (millpond.ProcessorID{Slug: "p", Version: "1"}) {
				t.Errorf("source is %+v", e.Source)
			}
			in := millpond.Input{Type: "y", IdempotencyKey: e.IdempotencyKey}
			if in.ValidateClient() == nil {
				t.Errorf("a client can use the key %q", e.IdempotencyKey)
			}
		}
		if got := len(r.log(n, "y")); got != 10 || len(keys) != 10 {
			t.Errorf("%d events with %d keys, want 10", got, len(keys))
		}
		if got := len(r.log(audit, "y")); got != 4 {
			t.Errorf("%d events in the other stream, want 4", got)
		}

		// The stream's next incarnation has the same offsets, and is another cause.
		if err := r.engine.Reset(context.Background(), n); err != nil {
			t.Fatal(err)
		}
		r.append(n, configure("k", "p"))
		r.settle()
		r.append(n, input("x"), input("x"))
		r.settle()
		if got := len(r.log(audit, "y")); got != 8 {
			t.Errorf("%d events in the other stream after a reset, want 8", got)
		}
	})
}

// S15: a processor that consumes everything is not set off by what it appends itself: it would never end. One that
// names its own type means it.
func TestNoLoop(t *testing.T) {
	all := newProbe("all", "*")
	all.contract.Emits = []string{"y"}
	respond := func(ctx context.Context, fx millpond.Effects, step millpond.Step[tally]) error {
		_, err := fx.Append(ctx, input("y"))
		return err
	}
	all.event = respond
	steps := newProbe("steps", "x", "z")
	steps.contract.Emits = []string{"z"}
	steps.event = func(ctx context.Context, fx millpond.Effects, step millpond.Step[tally]) error {
		if step.After.Events == 4 {
			return nil
		}
		_, err := fx.Append(ctx, input("z"))
		return err
	}
	inBubble(t, define(all, steps), func(r *rig) {
		n, m := name("/s"), name("/m")
		r.append(n, configure("k", "all"))
		r.append(m, configure("k", "steps"))
		r.settle()
		r.append(n, input("x"))
		r.append(m, input("x"))
		r.settle()
		if got := len(r.log(n, "y")); got != 1 {
			t.Errorf("%d events of the one that consumes all, want 1", got)
		}
		if got := len(r.log(m, "z")); got != 3 {
			t.Errorf("%d events of the one that goes in steps, want 3", got)
		}
		if got := r.checkpoint(n, "k"); got.Offset != r.state(n).MaxOffset {
			t.Errorf("the checkpoint is at %d of %d", got.Offset, r.state(n).MaxOffset)
		}
	})
}

// S15: the contract is kept: types that it does not declare, invalid events and other namespaces are refused.
func TestContractIsKept(t *testing.T) {
	p := newProbe("p", "x")
	p.contract.Emits = []string{"y"}
	var errs []error
	p.event = func(ctx context.Context, fx millpond.Effects, _ millpond.Step[tally]) error {
		try := func(_ []millpond.Event, err error) { errs = append(errs, err) }
		try(fx.Append(ctx, input("z")))
		try(fx.Append(ctx, input("y"), input("z")))
		try(fx.Append(ctx, millpond.Input{Type: "y", Payload: []byte("{")}))
		try(fx.Append(ctx, millpond.Input{Type: "y", IdempotencyKey: strings.Repeat("k", millpond.MaxIdempotencyKeyBytes)}))
		try(fx.Append(ctx, elsewhere("/Nowhere", "y")))
		return nil
	}
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, input("x"))
		r.settle()
		if len(errs) != 5 {
			t.Fatalf("%d tries", len(errs))
		}
		for i, err := range errs {
			if err == nil {
				t.Errorf("try %d was taken", i)
			}
		}
		if got := len(r.log(n)); got != 5 {
			t.Errorf("%d events, want 5", got)
		}
	})
}

// S14: the generation gate: the effects of a call are refused when it is over, and those of a subscription that is
// removed, or whose stream was reset, never reach the stream.
func TestSupersededEffects(t *testing.T) {
	p := newProbe("p", "x")
	p.contract.Emits = []string{"y"}
	inBubble(t, define(p), func(r *rig) {
		var kept millpond.Effects
		n := name("/s")
		for what, supersede := range map[string]func(){
			"removed":          func() { r.append(n, configure("k", "")) },
			"configured again": func() { r.append(n, configure("k", "p")) },
			"reset": func() {
				if err := r.engine.Reset(context.Background(), n); err != nil {
					t.Fatal(err)
				}
			},
		} {
			var err error
			first := true
			p.event = func(ctx context.Context, fx millpond.Effects, _ millpond.Step[tally]) error {
				if !first { // the one that has taken its place begins where it was
					return nil
				}
				first = false
				kept = fx
				supersede()
				_, err = fx.Append(context.Background(), input("y"))
				return err
			}
			r.append(n, configure("k", "p"))
			r.settle()
			r.append(n, input("x"))
			r.settle()
			p.event = nil
			if err == nil {
				t.Errorf("%s: the append was taken", what)
			}
			if _, err := kept.Append(context.Background(), input("y")); !errors.Is(err, errOver) {
				t.Errorf("%s: after the call: %v", what, err)
			}
			kept.BlockWhile(func(context.Context, millpond.Effects) error { panic("late") })
			kept.Background(func(context.Context, millpond.Effects) error { panic("late") })
			r.pass(time.Hour)
			if got := r.log(n, "y"); len(got) != 0 {
				t.Errorf("%s: %d events were appended", what, len(got))
			}
			if got := r.log(n, millpond.TypeErrorOccurred); len(got) != 0 {
				t.Errorf("%s: taken for a failure: %s", what, got[0].Payload)
			}
		}
	})
}

// S5, S14: a paused stream holds its processors up, and is no failure of theirs; when it is resumed they go on at once.
func TestPausedStream(t *testing.T) {
	p := newProbe("p", "x")
	p.contract.Emits = []string{"y"}
	p.event = func(ctx context.Context, fx millpond.Effects, _ millpond.Step[tally]) error {
		_, err := fx.Append(ctx, input("y"))
		return err
	}
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, input("x"), millpond.Input{Type: millpond.TypePaused, Payload: []byte(`{"reason":"r"}`)})
		r.pass(24 * time.Hour)
		r.phase("paused", n, "k", BackingOff)
		if got := r.status(n, "k").LastError; !strings.Contains(got, "stream paused: r") {
			t.Errorf("the status says %q", got)
		}
		r.append(n, input(millpond.TypeResumed))
		r.phase("resumed", n, "k", Live)
		if got := len(r.log(n, "y")); got != 1 {
			t.Errorf("%d events, want 1", got)
		}
		if got := r.log(n, millpond.TypeErrorOccurred); len(got) != 0 {
			t.Errorf("taken for a failure: %s", got[0].Payload)
		}
	})
}

// S14: an outage of the store while a processor appends is no failure of the processor.
func TestOutage(t *testing.T) {
	p := newProbe("p", "x")
	p.contract.Emits = []string{"y"}
	p.event = func(ctx context.Context, fx millpond.Effects, _ millpond.Step[tally]) error {
		if _, err := fx.Append(ctx, input("y")); err != nil {
			return fmt.Errorf("reply: %w", err)
		}
		return nil
	}
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.plant(func(batches []store.Batch) error {
			for _, b := range batches {
				if strings.HasPrefix(b.Records[0].Key, keyPrefix) {
					return &store.Error{Kind: store.ErrFull, Path: "/"}
				}
			}
			return nil
		}, nil)
		r.append(n, input("x"))
		r.pass(24 * time.Hour)
		r.phase("the disk is full", n, "k", BackingOff)
		r.plant(nil, nil)
		r.pass(time.Minute)
		r.phase("it is not any more", n, "k", Live)
		if got := len(r.log(n, "y")); got != 1 {
			t.Errorf("%d events, want 1", got)
		}
	})
}

// S15: how much work runs at a time is bounded; more waits for room.
func TestWorkIsBounded(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		release := make(chan struct{})
		running, most := make(chan int, 1), 0
		running <- 0
		count := func(by int) {
			n := <-running + by
			most = max(most, n)
			running <- n
		}
		work := func(context.Context, millpond.Effects) error {
			count(1)
			<-release
			count(-1)
			return nil
		}
		p.event = func(ctx context.Context, fx millpond.Effects, step millpond.Step[tally]) error {
			for range 3 * maxWork {
				if step.Event.Offset == 5 {
					fx.BlockWhile(work)
				} else {
					fx.Background(work)
				}
			}
			return nil
		}
		n := r.hosting("p")
		for offset := range 2 {
			r.append(n, input("x"))
			r.settle()
			if most != maxWork {
				t.Errorf("%d: %d works at a time, want %d", offset, most, maxWork)
			}
			for range 3 * maxWork {
				release <- struct{}{}
			}
			r.settle()
			if got := r.checkpoint(n, "k").Offset; got != uint64(5+offset) {
				t.Errorf("the checkpoint is at %d", got)
			}
			most = 0
		}
	})
}
