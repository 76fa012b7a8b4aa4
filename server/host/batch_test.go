package host

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// batches is a processor that acts on several events at once. It notes their offsets, and refuses to fold events of type "bad".
type batches struct {
	acted [][]uint64
	fail  error // of the next call
}

func (b *batches) Contract() millpond.Contract {
	return millpond.Contract{Slug: "b", Version: "1", Consumes: []string{"x", "bad"}, Emits: []string{"x"}}
}

func (b *batches) Reduce(s tally, e *millpond.Event) tally {
	if e.Type == "bad" {
		panic("bad")
	}
	return tally{s.Events + 1, e.Offset}
}

func (b *batches) ProcessBatch(_ context.Context, _ millpond.Effects, steps []millpond.Step[tally]) error {
	var offsets []uint64
	for i, step := range steps {
		offsets = append(offsets, step.Event.Offset)
		if step.After.Events != step.Before.Events+1 || i > 0 && step.Before.Events < steps[i-1].After.Events {
			panic("the states do not follow each other")
		}
	}
	b.acted = append(b.acted, offsets)
	fail := b.fail
	b.fail = nil
	return fail
}

// all are the offsets of all calls, in order.
func (b *batches) all() (all []uint64) {
	for _, offsets := range b.acted {
		all = append(all, offsets...)
	}
	b.acted = nil
	return all
}

// S14, S15: a batch is bounded; after a failure all of it comes again; history before the anchor is only folded; and what comes before an
// event that cannot be folded is acted on first, and not again.
func TestBatches(t *testing.T) {
	b := &batches{}
	inBubble(t, []millpond.Definition{millpond.Define[tally](b)}, func(r *rig) {
		n := name("/s")
		r.append(n, inputs(3, "x")...)     // 3, 4, 5
		r.append(n, anchored("k", "b", 4)) // 6; registered: 7
		r.append(n, inputs(2*batchEvents+10, "x")...)
		r.settle()
		got := b.acted
		for _, offsets := range got {
			if len(offsets) == 0 || len(offsets) > batchEvents {
				t.Errorf("a batch of %d events", len(offsets))
			}
		}
		if all := b.all(); len(all) != 2*batchEvents+11 || all[0] != 5 {
			t.Errorf("acted on %d events, from %v on", len(all), all[:1])
		}

		b.fail = errPlanted
		first := r.append(n, inputs(3, "x")...)[0].Offset
		r.pass(time.Minute)
		equal(t, "failed, and again", b.all(), []uint64{first, first + 1, first + 2, first, first + 1, first + 2})

		bad := r.append(n, input("x"), input("bad"), input("x"))[1].Offset
		r.pass(time.Hour)
		equal(t, "before what cannot be folded", b.all(), []uint64{bad - 1})
		r.phase("poisoned", n, "k", Failed)
		if got := r.checkpoint(n, "k").Offset; got != bad-1 {
			t.Errorf("the checkpoint is at %d, want %d", got, bad-1)
		}
	})
}

// S15: a processor does not act in batches on what it has appended itself, nor on what the contract does not name.
func TestBatchesLeaveOutTheirOwn(t *testing.T) {
	b := &batches{}
	all := millpond.Define[tally](everything{b})
	inBubble(t, []millpond.Definition{all}, func(r *rig) {
		n := r.hosting("b") // 3; registered: 4
		b.all()             // the contract, which is an event, too
		own := millpond.Input{Type: "y", Source: &millpond.Source{Processor: millpond.ProcessorID{Slug: "b", Version: "1"}}}
		r.append(n, input("x"), own, input("x")) // 5, 6, 7
		r.settle()
		equal(t, "calls", b.all(), []uint64{5, 7})
		if got := r.checkpoint(n, "k"); got.Offset != 7 {
			t.Errorf("the checkpoint is at %d, want 7", got.Offset)
		}
	})
}

// everything is batches of all types.
type everything struct{ *batches }

func (e everything) Contract() millpond.Contract {
	return millpond.Contract{Slug: "b", Version: "1", Consumes: []string{"*"}, Emits: []string{"y"}}
}

// S15: what slow calls have done is durable after some time, in the middle of a batch, too: a crash brings back few of them.
func TestSlowCallsAreKept(t *testing.T) {
	p := newProbe("p", "x")
	p.event = func(context.Context, millpond.Effects, millpond.Step[tally]) error {
		time.Sleep(300 * time.Millisecond)
		return nil
	}
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, inputs(100, "x")...) // from 5 on
		r.pass(10 * time.Second)
		if got := r.checkpoint(n, "k").Offset; got < 5+28 {
			t.Errorf("after 33 calls in 10 s the checkpoint is at %d", got)
		}
		r.crash()
		r.pass(time.Minute)
		if calls := len(p.offsets()); calls > 100+5 {
			t.Errorf("%d calls for 100 events", calls)
		}
	})
}

// S14: a call that has failed does not wait for the work that it has begun beside it: that is told to end.
func TestFailedCallEndsItsWork(t *testing.T) {
	p := newProbe("p", "x")
	p.event = func(_ context.Context, fx millpond.Effects, _ millpond.Step[tally]) error {
		fx.BlockWhile(func(ctx context.Context, _ millpond.Effects) error {
			<-ctx.Done()
			return nil
		})
		return errPlanted
	}
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, input("x"))
		r.pass(10 * time.Second) // before callTimeout would end it
		r.phase("failed", n, "k", Failed)
	})
}

// S13: a server that starts finds all streams with subscriptions, however many, also when the first question fails.
func TestManySubscriptions(t *testing.T) {
	p := &counted{}
	inBubble(t, []millpond.Definition{millpond.Define[tally](p)}, func(r *rig) {
		const streams = listNames + listNames/2
		for i := range streams {
			r.append(name(fmt.Sprint("/many/", i)), configure("k", "counted"))
		}
		r.settle()
		r.refuseLists = 2
		r.restart()
		r.pass(2 * maxBackoff)
		if got := r.host.Phases()[Live]; got != streams {
			t.Errorf("%d processors run, want %d", got, streams)
		}
	})
}

// counted is a processor that does nothing.
type counted struct{}

func (*counted) Contract() millpond.Contract {
	return millpond.Contract{Slug: "counted", Version: "1", Consumes: []string{"x"}}
}

func (*counted) Reduce(s tally, _ *millpond.Event) tally { return s }
