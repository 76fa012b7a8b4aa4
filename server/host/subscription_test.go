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
		n := r.hosting("p")
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
		n := r.hosting("p")
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
		n := r.hosting("p")
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
		n := r.hosting("p")
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

// S10, S13: where presence is recorded, the log says which processor came, and why it went: it was removed, it has failed and
// comes back, or the server was stopped.
func TestPresence(t *testing.T) {
	p, left := failing("p", func(context.Context) error { return errPlanted })
	inBubble(t, define(p), func(r *rig) {
		n := name("/s")
		r.append(n, millpond.Input{Type: millpond.TypeConfigured, Payload: []byte(`{"presence":"log"}`)}, configure("k", "p"))
		r.settle()
		var came millpond.SubscriberConnectedPayload
		if err := json.Unmarshal(r.log(n, millpond.TypeSubscriberConnected)[0].Payload, &came); err != nil {
			t.Fatal(err)
		}
		if came.Key != "k" || came.Direction != millpond.Outbound || came.Processor == nil || came.Processor.Slug != "p" {
			t.Errorf("came %+v", came)
		}
		*left = 1
		r.append(n, input("bad"))
		r.pass(time.Minute)
		r.append(n, configure("k", ""))
		r.settle()
		r.append(n, configure("k", "p"))
		r.settle()
		r.restart()
		r.settle()
		var reasons []millpond.DisconnectReason
		for _, e := range r.log(n, millpond.TypeSubscriberDisconnected) {
			var gone millpond.SubscriberDisconnectedPayload
			if err := json.Unmarshal(e.Payload, &gone); err != nil || gone.Key != "k" {
				t.Errorf("gone %s, %v", e.Payload, err)
			}
			reasons = append(reasons, gone.Reason)
		}
		equal(t, "reasons", reasons, []millpond.DisconnectReason{
			millpond.DisconnectConnectionBroken, millpond.DisconnectSubscriptionRemoved, millpond.DisconnectUnsubscribed})
		if got := r.state(n).Connections.Len(); got != 1 {
			t.Errorf("%d subscribers are there, want the one that runs", got)
		}
	})
}

// S13, S21: a stream whose processor runs stays in memory, and wakes no more than once; one whose processor has gone, or has
// given up, is dropped when it is idle, and both go on from there when they are asked to.
func TestIdleStreams(t *testing.T) {
	p, left := failing("p", func(context.Context) error { return errPlanted })
	q := newProbe("q", "x")
	inBubble(t, define(p, q), func(r *rig) {
		runs, gone, failed := name("/runs"), name("/gone"), name("/failed")
		r.append(runs, configure("k", "q"))
		r.append(gone, configure("k", "p"), configure("k", ""))
		r.append(failed, configure("k", "p"))
		r.settle()
		*left = maxAttempts
		r.append(failed, input("bad"))
		r.pass(time.Hour)
		evicted := r.engine.Counters().Evictions
		if evicted != 3 { // with the root
			t.Errorf("%d streams were dropped, want all but the one whose processor runs", evicted)
		}
		r.phase("failed", failed, "k", Failed)
		r.append(runs, input("x"))
		r.settle()
		if calls, runs := len(q.offsets()), len(r.log(runs, millpond.TypeWoken)); calls != 1 || runs != 1 {
			t.Errorf("where it runs: %d calls in %d runs of the stream, want 1 in 1", calls, runs)
		}

		p.offsets()
		r.append(failed, configure("k", "p"))
		r.append(gone, configure("k", "p"))
		r.phase("failed, and configured again", failed, "k", Live)
		r.phase("gone, and configured again", gone, "k", Live)
		if got := len(r.log(gone, millpond.TypeWoken)); got != 2 {
			t.Errorf("a stream that was dropped has run %d times, want 2", got)
		}
		if got := r.engine.Counters().Evictions; got != evicted {
			t.Errorf("looking after them has dropped %d streams", got-evicted)
		}
	})
}
