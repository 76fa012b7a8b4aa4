package stream

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/millpond-dev/millpond"
)

// subscribing is a harness whose engine knows the processors echo and other, and that counts what has changed.
func subscribing(t *testing.T) (*harness, func() []string) {
	h := newHarness(t)
	var mu sync.Mutex
	var changed []string
	h.opts.Registered = func(slug string) bool { return slug == "echo" || slug == "other" }
	h.opts.Changed = func(name millpond.Name) {
		mu.Lock()
		defer mu.Unlock()
		changed = append(changed, name.Path)
	}
	h.restart()
	return h, func() []string {
		mu.Lock()
		defer mu.Unlock()
		taken := changed
		changed = nil
		return taken
	}
}

func configure(key, processor string) millpond.Input {
	return millpond.Input{Type: millpond.TypeSubscriptionConfigured, Payload: fmt.Appendf(nil, `{"key":%q,"processor":%s}`, key, processor)}
}

// outbound is the present subscription.
func (h *harness) outbound(name millpond.Name, key string) Outbound {
	s := h.state(name)
	return Outbound{Incarnation: s.CreatedAt, Key: key, ConfiguredAt: s.Subscriptions[key].ConfiguredAt}
}

func (h *harness) loads(what string, name millpond.Name, key, want string) {
	h.t.Helper()
	data, err := h.LoadCheckpoint(h.t.Context(), name, h.state(name).CreatedAt, key)
	if err != nil || string(data) != want {
		h.t.Errorf("%s: checkpoint is %q, %v, want %q", what, data, err, want)
	}
}

func (h *harness) subscribed(what string, want ...string) {
	h.t.Helper()
	names, err := h.Subscribed(h.t.Context(), millpond.Name{}, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	var got []string
	for _, n := range names {
		got = append(got, n.Path)
	}
	if !slices.Equal(got, want) {
		h.t.Errorf("%s: subscribed are %q, want %q", what, got, want)
	}
}

// S13: a subscription names a processor that the server has, and what it has not is refused without a trace.
func TestSubscriptionConfigured(t *testing.T) {
	h, _ := subscribing(t)
	n := name("/a")
	h.append(n, input("x"))
	err := h.refuse(n, millpond.InvalidEvent, configure("k", `"nobody"`))
	if err.Field != "payload.processor" {
		t.Errorf("got %v, want the field payload.processor", err)
	}
	err = h.refuse(n, millpond.InvalidEvent, input("x"), configure("k", `"echo"`), configure("l", `"nobody"`))
	if err.Field != "[2].payload.processor" {
		t.Errorf("got %v, want the field [2].payload.processor", err)
	}
	h.subscribed("after what was refused")
	for i := range millpond.MaxOutboundSubscriptions {
		h.append(n, configure(fmt.Sprint(i), `"echo"`))
	}
	h.refuse(n, millpond.InvalidEvent, configure("one more", `"echo"`))
	h.append(n, configure("0", `null`), configure("one more", `"echo"`))

	// S2: a repeat is the original event, also when the processor is gone.
	first := keyed(millpond.TypeSubscriptionConfigured, "once")
	first.Payload = configure("0", `null`).Payload
	again := first
	again.Payload = configure("0", `"nobody"`).Payload
	if got := h.append(n, first, again); got[0].Offset != got[1].Offset {
		t.Errorf("a repeat got offset %d, not %d", got[1].Offset, got[0].Offset)
	}
}

// S13, S14: a checkpoint comes and goes with its subscription, in the same commit.
func TestCheckpointOfSubscription(t *testing.T) {
	h, _ := subscribing(t)
	a, b := name("/a"), name("/b")
	h.append(b, input("x"))
	h.subscribed("before")
	h.append(a, configure("k", `"echo"`), configure("l", `"echo"`))
	h.loads("new", a, "k", "")
	h.subscribed("after", "/a")
	if err := h.SaveCheckpoint(t.Context(), a, h.outbound(a, "k"), []byte("one")); err != nil {
		t.Fatal(err)
	}
	h.loads("saved", a, "k", "one")
	h.loads("beside it", a, "l", "")

	h.append(a, configure("k", `"echo"`)) // configured again: it goes on
	h.loads("configured again", a, "k", "one")
	h.store.set(errors.New("planted"), nil)
	if _, err := h.Append(t.Context(), a, []millpond.Input{configure("k", `null`)}); err == nil {
		t.Error("the store should have failed")
	}
	h.store.set(nil, nil)
	h.loads("after a commit that failed", a, "k", "one")
	h.restart()
	h.loads("after a restart", a, "k", "one")
	h.subscribed("after a restart", "/a")

	h.append(a, configure("k", `null`), configure("k", `"echo"`)) // another one, in one batch
	h.loads("removed and made again", a, "k", "")
	h.append(a, configure("k", `null`), configure("l", `null`))
	h.subscribed("after both are removed")
	if _, err := h.LoadCheckpoint(t.Context(), a, h.state(a).CreatedAt, "k"); !errors.Is(err, ErrSuperseded) {
		t.Errorf("of a removed subscription: %v, want ErrSuperseded", err)
	}

	h.append(a, configure("k", `"echo"`))
	if err := h.Reset(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	h.subscribed("after a reset")
}

// S14: the generation gate: checkpoints and appends of a subscription that is another one now change nothing.
func TestCheckpointSuperseded(t *testing.T) {
	h, _ := subscribing(t)
	n := name("/a")
	h.append(n, configure("k", `"echo"`))
	refused := func(what string, as Outbound) {
		t.Helper()
		before := h.state(n).MaxOffset
		if err := h.SaveCheckpoint(t.Context(), n, as, []byte("old")); !errors.Is(err, ErrSuperseded) {
			t.Errorf("%s: checkpoint: %v, want ErrSuperseded", what, err)
		}
		if _, err := h.AppendAs(t.Context(), n, as, []millpond.Input{input("x")}); !errors.Is(err, ErrSuperseded) {
			t.Errorf("%s: append: %v, want ErrSuperseded", what, err)
		}
		if after := h.state(n).MaxOffset; after != before {
			t.Errorf("%s: something was appended", what)
		}
	}
	old := h.outbound(n, "k")
	if events, err := h.AppendAs(t.Context(), n, old, []millpond.Input{input("x")}); err != nil || len(events) != 1 || events[0].Type != "x" {
		t.Errorf("of the present one: %+v, %v", events, err)
	}
	h.append(n, configure("k", `"other"`))
	refused("configured again", old)
	h.loads("configured again", n, "k", "")
	old = h.outbound(n, "k")
	h.append(n, configure("k", `null`))
	refused("removed", old)
	h.append(n, configure("k", `"echo"`))
	old = h.outbound(n, "k")
	if err := h.Reset(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	h.append(n, configure("k", `"echo"`))
	old.ConfiguredAt = h.state(n).Subscriptions["k"].ConfiguredAt
	refused("of another incarnation", old)
	nothing := name("/nothing")
	if err := h.SaveCheckpoint(t.Context(), nothing, old, nil); !errors.Is(err, ErrSuperseded) {
		t.Errorf("of a stream that is not there: %v", err)
	}
	if _, _, err := h.State(t.Context(), nothing); !errors.Is(err, millpond.NotFound) {
		t.Errorf("a checkpoint has created a stream: %v", err)
	}
}

// S14: a checkpoint is no event: it wakes nobody, and it is committed together with appends.
func TestCheckpointIsNoEvent(t *testing.T) {
	h, _ := subscribing(t)
	n := name("/a")
	h.append(n, configure("k", `"echo"`))
	before := h.state(n).MaxOffset
	s := h.subscribe(n, SubscribeOptions{})
	defer s.Close()
	_, _, changed := s.in.after(before, 1)
	as := h.outbound(n, "k")
	if err := h.SaveCheckpoint(t.Context(), n, as, []byte("data")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
		t.Error("a checkpoint has woken a subscriber")
	default:
	}
	if after := h.state(n).MaxOffset; after != before {
		t.Errorf("offset %d, was %d", after, before)
	}
	h.append(n, input("x"))
	<-changed

}

// S14: checkpoints share a commit with the appends that wait at the time.
func TestCheckpointsShareCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := subscribing(t)
		n := name("/a")
		h.append(n, configure("k", `"echo"`))
		as := h.outbound(n, "k")
		release := make(chan struct{})
		commits := h.store.set(nil, release)
		go h.append(n, input("first"))
		synctest.Wait() // it is held back in its commit
		go h.append(n, input("second"))
		go func() {
			if err := h.SaveCheckpoint(t.Context(), n, as, []byte("data")); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		close(release)
		synctest.Wait()
		if got := h.store.set(nil, nil) - commits; got != 2 {
			t.Errorf("%d commits, want 2", got)
		}
		h.loads("saved", n, "k", "data")
	})
}

// S13: who reconciles subscriptions is told of each stream whose state has changed, after the commit, and of no other.
func TestChanged(t *testing.T) {
	h, changed := subscribing(t)
	n := name("/a")
	expect := func(what string, want ...string) {
		t.Helper()
		if got := changed(); !slices.Equal(got, want) {
			t.Errorf("%s: changed %q, want %q", what, got, want)
		}
	}
	h.append(n, configure("k", `"echo"`))
	expect("configured, and the root told of a child", "/a", "/")
	h.append(n, input("x"))
	expect("an event of a client")
	h.store.set(errors.New("planted"), nil)
	h.Append(t.Context(), n, []millpond.Input{configure("k", `null`)})
	h.store.set(nil, nil)
	expect("a commit that failed")
	if err := h.Kill(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	expect("killed", "/a")
	if err := h.Reset(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	expect("reset", "/a")
}
