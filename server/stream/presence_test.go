package stream

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/millpond-dev/millpond"
)

var presenceInLog = millpond.Input{Type: millpond.TypeConfigured, Payload: json.RawMessage(`{"presence":"log"}`)}

// presences are the events of presence in a stream's log, as "key reason", in order; the reason of one who comes is "connected".
func (h *harness) presences(n millpond.Name) []string {
	h.t.Helper()
	var list []string
	for _, e := range h.log(n) {
		switch e.Type {
		case millpond.TypeSubscriberConnected:
			var p millpond.SubscriberConnectedPayload
			if err := json.Unmarshal(e.Payload, &p); err != nil || p.IncarnationID != h.state(n).IncarnationID {
				h.t.Errorf("%s: %v", e.Payload, err)
			}
			list = append(list, p.Key+" connected")
		case millpond.TypeSubscriberDisconnected:
			var p millpond.SubscriberDisconnectedPayload
			if err := json.Unmarshal(e.Payload, &p); err != nil || p.IncarnationID != h.state(n).IncarnationID {
				h.t.Errorf("%s: %v", e.Payload, err)
			}
			list = append(list, p.Key+" "+string(p.Reason))
		}
	}
	return list
}

// sync waits until all that was queued for the stream is committed.
func (h *harness) sync(n millpond.Name) {
	h.t.Helper()
	if _, err := h.do(h.t.Context(), requestAppend, n, nil); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) roster(n millpond.Name) []string {
	keys := []string{}
	for key := range h.state(n).Connections.All() {
		keys = append(keys, key)
	}
	return keys
}

// S10: who comes and goes is recorded, with the reason, where the stream is configured so.
func TestPresence(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, presenceInLog)
	contract := &millpond.Contract{Slug: "p", Version: "1", Consumes: []string{"*"}}
	a := h.subscribe(n, SubscribeOptions{Key: "a", Subscriber: "the first", Direction: millpond.Outbound, Processor: contract})
	if _, events := h.next(a, 1<<20); len(events) != 1 || events[0].Type != millpond.TypeSubscriberConnected {
		t.Errorf("a subscriber to what is new gets %q first, want that it has come", types(events))
	}
	want := millpond.Connection{Direction: millpond.Outbound, Subscriber: "the first", Processor: contract, ConnectedAt: h.clock.now()}
	if got, _ := h.state(n).Connections.Get("a"); !reflect.DeepEqual(got, want) {
		t.Errorf("roster: got %+v, want %+v", got, want)
	}
	anonymous := h.subscribe(n, SubscribeOptions{})
	h.subscribe(n, SubscribeOptions{Key: "a"}) // S8: takes the place of the first
	b, c, d := h.subscribe(n, SubscribeOptions{Key: "b"}), h.subscribe(n, SubscribeOptions{Key: "c"}), h.subscribe(n, SubscribeOptions{Key: "d"})
	a.Close() // has ended
	b.Close()
	c.CloseBecause(millpond.DisconnectConnectionBroken)
	d.CloseBecause(millpond.DisconnectSubscriptionRemoved)
	anonymous.Close()
	h.subscribe(n, SubscribeOptions{Key: "quiet", Presence: millpond.PresenceMemory}).Close()
	h.sync(n)
	if got, want := h.presences(n), []string{"a connected", "#1 connected", "a replaced", "a connected", "b connected", "c connected", "d connected",
		"b unsubscribed", "c connection-broken", "d subscription-removed", "#1 unsubscribed"}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := h.roster(n); !slices.Equal(got, []string{"a"}) {
		t.Errorf("roster: %q", got)
	}
	if _, runtime, _ := h.State(t.Context(), n); len(runtime.Connections) != 1 || runtime.Connections["a"].Direction != millpond.Inbound {
		t.Errorf("runtime: %+v", runtime)
	}
	h.restart()
	if got := h.roster(n); !slices.Equal(got, []string{"a"}) {
		t.Errorf("roster before the stream wakes: %q", got)
	}
	h.append(n, input("x"))
	if got := h.roster(n); len(got) != 0 {
		t.Errorf("roster after woken: %q", got)
	}
}

// S5, S10: a paused stream takes the facts of presence, and children, and nothing else.
func TestPresenceWhilePaused(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, presenceInLog, millpond.Input{Type: millpond.TypePaused, Payload: json.RawMessage(`{"reason":"r"}`)})
	h.subscribe(n, SubscribeOptions{Key: "k"}).Close()
	h.append(name("/a/b"), input("x"))
	h.sync(n)
	if got := h.presences(n); !slices.Equal(got, []string{"k connected", "k unsubscribed"}) {
		t.Errorf("got %q", got)
	}
	h.wantChildren("/a", []string{"/a/b"}, "/a/b")
	if told := h.refuse(n, millpond.StreamPaused, input("x")); told.Message != "stream paused: r" {
		t.Errorf("got %q", told.Message)
	}
}

// S10: by default N readers that connect cost no delivery; where it is recorded, they cost about N².
func TestPresenceDeliveries(t *testing.T) {
	const n = 30
	deliveries := func(opts Options, config ...millpond.Input) (sum int) {
		h := newHarness(t)
		h.stop()
		h.opts.Presence = opts.Presence
		h.start()
		stream := name("/a")
		h.append(stream, append(config, input("x"))...)
		var all []*Subscription
		for range n {
			all = append(all, h.subscribe(stream, SubscribeOptions{}))
		}
		end := h.append(stream, input("end"))[0].Offset
		for _, s := range all {
			for last := uint64(0); last < end; {
				b, events := h.next(s, 1<<20)
				for _, e := range events {
					if e.Offset <= end { // after it, others go
						sum++
					}
				}
				last = b.LastOffset
			}
			s.Close()
		}
		return sum - n // the event at the end
	}
	off := millpond.Input{Type: millpond.TypeConfigured, Payload: json.RawMessage(`{"presence":"memory"}`)}
	for what, test := range map[string]struct{ got, want int }{
		"by default":                    {deliveries(Options{}), 0},
		"configured by the stream":      {deliveries(Options{}, presenceInLog), n * (n + 1) / 2},
		"by the engine's options":       {deliveries(Options{Presence: millpond.PresenceLog}), n * (n + 1) / 2},
		"the stream against the engine": {deliveries(Options{Presence: millpond.PresenceLog}, off), 0},
	} {
		if test.got != test.want {
			t.Errorf("%s: %d deliveries, want %d", what, test.got, test.want)
		}
	}
}

// S8, S10: however subscribers with the same keys come and go, the log tells it right: who has come goes once, and the roster is
// who is there.
func TestPresenceConcurrent(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, presenceInLog)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 25 {
				s, err := h.Subscribe(t.Context(), n, SubscribeOptions{Key: fmt.Sprint("k", i%3)})
				if err == nil && (w+i)%2 == 0 {
					s.Close()
				}
			}
		})
	}
	wg.Wait()
	h.sync(n)
	there := map[string]bool{}
	for i, p := range h.presences(n) {
		var key, what string
		fmt.Sscan(p, &key, &what)
		if there[key] == (what == "connected") {
			t.Fatalf("event %d: %s, while connected is %v", i, p, there[key])
		}
		there[key] = what == "connected"
	}
	_, runtime, _ := h.State(t.Context(), n)
	for key, connected := range there {
		if _, live := runtime.Connections[key]; live != connected {
			t.Errorf("%s: the log says connected %v, there is one: %v", key, connected, live)
		}
	}
}
