package host

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// S13: what runs follows the subscriptions of the reduced state: configured, replaced, removed, reset.
func TestSubscriptions(t *testing.T) {
	a, b := newProbe("a", "x"), newProbe("b", "x")
	inBubble(t, define(a, b), func(r *rig) {
		n := name("/s")
		r.append(n, input("x"))
		r.settle()
		if got := r.host.Status(n, 0); len(got) != 0 {
			t.Errorf("hosted without a subscription: %+v", got)
		}
		r.append(n, configure("k", "a")) // 4
		r.phase("configured", n, "k", Live)
		r.append(n, input("x")) // after 5, processor-registered
		r.settle()
		equal(t, "a, configured at 4", a.offsets(), []uint64{6})

		r.append(n, configure("l", "a"), configure("k", "b")) // 7, 8; b is registered with 9
		r.settle()
		r.append(n, input("x"))
		r.settle()
		equal(t, "a, under another key", a.offsets(), []uint64{10})
		equal(t, "b, in the place of a", b.offsets(), []uint64{10})
		if got := r.status(n, "k"); got.Processor.Slug != "b" || got.Lag != 0 || got.Anchor != 8 || got.Generation != 1 {
			t.Errorf("status: %+v", got)
		}

		r.append(n, configure("k", ""), configure("l", ""))
		r.append(n, input("x"))
		r.settle()
		equal(t, "a, removed", a.offsets(), nil)
		equal(t, "b, removed", b.offsets(), nil)
		if got := r.host.Status(n, 0); len(got) != 0 {
			t.Errorf("hosted after both were removed: %+v", got)
		}

		r.append(n, configure("k", "a"))
		r.phase("configured again", n, "k", Live)
		if err := r.engine.Reset(context.Background(), n); err != nil {
			t.Fatal(err)
		}
		r.append(n, input("x"))
		r.settle()
		equal(t, "a, reset", a.offsets(), nil)
		if got := r.host.Status(n, 0); len(got) != 0 {
			t.Errorf("hosted after a reset: %+v", got)
		}
	})
}

// S13: after a restart, of a process that was killed, too, all that is configured runs without being touched, from where
// it was: and what came while nothing ran is processed.
func TestRestart(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n, idle := name("/s"), name("/idle")
		r.append(n, configure("k", "p")) // 3; registered: 4
		r.append(idle, configure("k", "p"))
		r.settle()
		r.append(n, input("x"), input("x"))
		r.settle()
		equal(t, "before", p.offsets(), []uint64{5, 6})
		if err := r.host.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		r.append(n, input("x"))
		r.crash()
		r.phase("after a crash", n, "k", Live)
		r.phase("after a crash", idle, "k", Live)
		equal(t, "what came meanwhile", p.offsets(), []uint64{7})
		r.append(n, input("x"))
		r.settle()
		equal(t, "after", p.offsets(), []uint64{9}) // 8: woken
	})
}

// S13: a processor that the server no longer has does not run, and says so; its checkpoint waits for it.
func TestUnregistered(t *testing.T) {
	p, q := newProbe("p", "x"), newProbe("q", "x")
	inBubble(t, define(p, q), func(r *rig) {
		n := name("/s")
		r.append(n, configure("k", "p"))
		r.settle()
		r.append(n, input("x"))
		r.settle()
		p.offsets()
		r.processors = define(q)
		r.restart()
		r.append(n, input("x"))
		r.phase("without it", n, "k", Unregistered)
		equal(t, "without it", p.offsets(), nil)
		r.processors = define(p)
		r.restart()
		r.phase("with it", n, "k", Live)
		equal(t, "with it", p.offsets(), []uint64{7}) // 6: woken
	})
}

// S13, S14: a subscription that is configured again while its processor is in a call starts only when that has returned.
func TestNoSecondBeforeTheFirstIsOver(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		release := make(chan struct{})
		p.event = func(context.Context, millpond.Effects, millpond.Step[tally]) error { // deaf to its context
			<-release
			return nil
		}
		n := name("/s")
		r.append(n, configure("k", "p"))
		r.settle()
		r.append(n, input("x"))
		r.settle()
		r.append(n, anchored("k", "p", 0))
		r.phase("configured again", n, "k", Stopping)
		r.pass(time.Hour)
		r.phase("still in its call", n, "k", Stopping)
		equal(t, "calls", p.offsets(), []uint64{5})
		close(release)
		r.phase("returned", n, "k", Live)
		equal(t, "calls", p.offsets(), []uint64{5})
	})
}

// S9, S13: the stream keeps the contracts of the processors that run on it, once for each version.
func TestProcessorRegistered(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := name("/s")
		r.append(n, configure("k", "p"))
		r.settle()
		r.restart()
		r.restart()
		p.contract.Version = "2"
		r.processors = define(p)
		r.restart()
		r.settle()
		var versions []string
		for _, e := range r.log(n, millpond.TypeProcessorRegistered) {
			var c millpond.Contract
			if err := json.Unmarshal(e.Payload, &c); err != nil {
				t.Fatal(err)
			}
			versions = append(versions, c.Version)
		}
		equal(t, "versions", versions, []string{"1", "2"})
		if got := r.state(n).Processors["p"].Version; got != "2" {
			t.Errorf("the state has version %q", got)
		}
	})
}

// S13: subscriptions that cannot be read yet are read later: the host does not give up.
func TestStartWhileTheStoreIsDown(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := name("/s")
		r.append(n, configure("k", "p"))
		r.settle()
		r.append(n, input("x"))
		r.settle()
		p.offsets()
		r.stop()
		r.store = r.store.Reopen()
		r.plant(always, nil) // waking the stream fails
		r.start()
		r.pass(time.Hour)
		r.phase("down", n, "k", BackingOff)
		r.plant(nil, nil)
		r.pass(2 * maxBackoff)
		r.phase("up", n, "k", Live)
		r.append(n, input("x"))
		r.settle()
		equal(t, "up", p.offsets(), []uint64{7})
	})
}
