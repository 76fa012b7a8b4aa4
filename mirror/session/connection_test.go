package session

import (
	"reflect"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// B1: what comes of a connection that is over changes nothing, whether another one is open, dialled or waited for.
func TestLateInputs(t *testing.T) {
	late := func(epoch uint64) []Input {
		return []Input{
			Connected{epoch}, Disconnected{Epoch: epoch, CloseCode: 4401}, Received{epoch, &millpond.Welcome{}},
			Received{epoch, &millpond.Ping{}}, Received{epoch, &millpond.ErrorMessage{Code: millpond.Forbidden}},
			Received{epoch, &millpond.Unsubscribed{ID: 1}}, Frame{epoch, millpond.Batch{Subscription: 1, Records: []byte{1}}, 1},
		}
	}
	r := newRig(t)
	r.step(Start{})
	r.connect()
	r.follow(at(3))
	r.lose()
	check := func(when string) {
		for _, in := range late(1) {
			before := snapshot(r.m)
			r.step(in)
			if len(r.effects) > 0 || !reflect.DeepEqual(before, snapshot(r.m)) {
				t.Errorf("%s: the late %T had an effect", when, in)
			}
		}
	}
	check("waiting")
	r.wake()
	check("dialing")
	r.step(Connected{r.epoch})
	check("greeting")
	r.receive(&millpond.Welcome{})
	check("ready")
	r.step(Stop{})
	check("closed")
}

// B8: the wait doubles from BackoffBase to BackoffCap, with jitter below.
func TestBackoffGrows(t *testing.T) {
	for _, rand := range []float64{0, 0.999999} {
		r := newRig(t)
		r.rand = rand
		r.step(Start{})
		full := BackoffBase
		for range 20 {
			r.lose()
			if len(did[Dial](r)) > 0 {
				t.Fatal("dialled at once")
			}
			wait := r.wakeAt - r.now
			if want := full/2 + time.Duration(rand*float64(full/2)); wait != want {
				t.Errorf("waits %v instead of %v", wait, want)
			}
			r.wake()
			if len(did[Dial](r)) != 1 {
				t.Fatal("did not dial when the time came")
			}
			full = min(2*full, BackoffCap)
		}
	}
}

// B8: neither a connection nor a welcome resets the backoff, but an applied batch.
func TestBackoffResets(t *testing.T) {
	r := newRig(t)
	r.step(Start{})
	for range 5 {
		r.connect()
		r.lose()
		r.wake()
	}
	r.connect()
	r.lose()
	if wait := r.wakeAt - r.now; wait < BackoffBase<<5/2 {
		t.Errorf("waits only %v", wait)
	}
	r.wake()
	r.connect()
	r.frame(r.follow(at(3)), 4)
	r.applied(4)
	r.lose()
	if wait := r.wakeAt - r.now; wait > BackoffBase {
		t.Errorf("waits %v after a batch was applied", wait)
	}
}

// B8: online and a manual call connect at once.
func TestConnectNow(t *testing.T) {
	r := newRig(t)
	r.step(Start{})
	for range 10 {
		r.lose()
		r.wake()
	}
	r.lose()
	r.step(Online{})
	if len(did[Dial](r)) != 1 {
		t.Error("Online did not dial")
	}
	r.step(Online{})
	if len(did[Close](r)) != 1 || len(did[Dial](r)) != 1 {
		t.Error("Online did not replace a dial that may hang")
	}
	r.lose()
	r.step(Reconnect{})
	if len(did[Dial](r)) != 1 {
		t.Error("Reconnect did not dial")
	}
	r.connect()
	r.step(Online{})
	one[*millpond.Ping](r)
	if len(did[Close](r)) > 0 {
		t.Error("Online gave up a good connection")
	}
	r.step(Reconnect{})
	if len(did[Close](r)) != 1 || len(did[Dial](r)) != 1 {
		t.Error("Reconnect did not replace the connection")
	}
}

// B7: after 10 s of silence the server is probed; after 5 s more the connection is replaced.
func TestProbe(t *testing.T) {
	r := newRig(t)
	r.step(Start{})
	r.connect()
	for range 3 {
		heard := r.now
		r.wake()
		ping := one[*millpond.Ping](r)
		if r.now-heard != millpond.ProbeInterval {
			t.Fatalf("probed after %v", r.now-heard)
		}
		r.now += 4 * time.Second
		r.receive(&millpond.Pong{Nonce: ping.Nonce})
	}
	r.wake()
	one[*millpond.Ping](r)
	probed := r.now
	r.wake()
	if len(did[Close](r)) != 1 || r.now-probed != millpond.ProbeTimeout || r.m.Status().Phase != PhaseReconnecting {
		t.Errorf("after %v: %+v", r.now-probed, r.effects)
	}
	r.wake()
	if len(did[Dial](r)) != 1 {
		t.Error("no other connection")
	}
}

func TestPingIsAnswered(t *testing.T) {
	r := newRig(t)
	r.step(Start{})
	r.connect()
	r.receive(&millpond.Ping{Nonce: 7})
	if pong := one[*millpond.Pong](r); pong.Nonce != 7 {
		t.Errorf("answered %+v", pong)
	}
}

func TestConnectTimeout(t *testing.T) {
	for name, reach := range map[string]func(r *rig){
		"dialing":  func(*rig) {},
		"greeting": func(r *rig) { r.step(Connected{r.epoch}) },
	} {
		r := newRig(t)
		r.step(Start{})
		reach(r)
		r.wake()
		if r.now != ConnectTimeout || len(did[Close](r)) != 1 {
			t.Errorf("%s: at %v: %+v", name, r.now, r.effects)
		}
	}
}

// A server that goes away is left to finish; nothing new is asked of it, and the next connection comes when it said.
func TestGoaway(t *testing.T) {
	r := newRig(t)
	r.step(Start{})
	r.connect()
	id := r.follow(at(3))
	r.receive(&millpond.Goaway{RetryAfterMs: 5000})
	r.step(Append{1, pond, []byte("[]")})
	if len(sent[*millpond.Append](r)) > 0 {
		t.Error("sent an append to a server that goes away")
	}
	r.frame(id, 4)
	if len(did[Apply](r)) != 1 {
		t.Error("a batch before the end was not used")
	}
	r.applied(4)
	r.step(Disconnected{Epoch: r.epoch, CloseCode: 1001})
	if r.wakeAt != 5*time.Second {
		t.Errorf("connects again at %v", r.wakeAt)
	}
	r.wake()
	r.connect()
	one[*millpond.Append](r)
	if sub := one[*millpond.Subscribe](r); *sub.After != 4 {
		t.Errorf("subscribed after %d", *sub.After)
	}
}

// A server that says that it goes away and does not close is left when the time comes, which is bounded.
func TestGoawayWithoutClose(t *testing.T) {
	r := newRig(t)
	r.step(Start{})
	r.connect()
	r.receive(&millpond.Goaway{RetryAfterMs: 1 << 60})
	for r.now < MaxRetryAfter {
		if len(did[Close](r)) > 0 {
			t.Fatalf("left at %v", r.now)
		}
		r.wake()
		if len(sent[*millpond.Ping](r)) > 0 {
			r.receive(&millpond.Pong{})
		}
	}
	if len(did[Close](r)) != 1 {
		t.Errorf("at %v: %+v", r.now, r.effects)
	}
}

// The action of an error decides: retry, or stop and say why.
func TestConnectionErrors(t *testing.T) {
	for code, want := range map[millpond.ErrorCode]Phase{
		millpond.Unavailable: PhaseReconnecting, millpond.Internal: PhaseReconnecting, millpond.RateLimited: PhaseReconnecting,
		millpond.Unauthenticated: PhaseStopped, millpond.Forbidden: PhaseStopped, millpond.InvalidRequest: PhaseStopped,
	} {
		for name, fail := range map[string]func(r *rig){
			"message": func(r *rig) { r.receive(&millpond.ErrorMessage{Code: code, Message: "x"}) },
			"close":   func(r *rig) { r.step(Disconnected{Epoch: r.epoch, CloseCode: code.CloseCode()}) },
		} {
			r := newRig(t)
			r.step(Start{})
			r.step(Connected{r.epoch})
			fail(r)
			s := r.m.Status()
			if s.Phase != want || s.Problem == nil || s.Problem.Code != code || s.Problem.Action != code.Action() {
				t.Errorf("%s, %s: %+v", code, name, s)
			}
			if stopped := r.wakeAt == Never; stopped != (want == PhaseStopped) {
				t.Errorf("%s, %s: the timer is at %v", code, name, r.wakeAt)
			}
			r.step(Reconnect{})
			if len(did[Dial](r)) != 1 {
				t.Errorf("%s, %s: Reconnect does not dial", code, name)
			}
		}
	}
}

func TestMessagesOutOfOrder(t *testing.T) {
	for name, act := range map[string]func(r *rig){
		"welcome twice":       func(r *rig) { r.receive(&millpond.Welcome{}) },
		"a client's":          func(r *rig) { r.receive(&millpond.Hello{}) },
		"a batch as text":     func(r *rig) { r.receive(&millpond.BatchMessage{}) },
		"frame before answer": func(r *rig) { r.step(Subscribe{pond, at(3)}); r.frame(one[*millpond.Subscribe](r).ID, 4) },
		"over its credit": func(r *rig) {
			id := r.follow(at(3))
			for range 3 {
				r.step(Frame{r.epoch, millpond.Batch{Subscription: id, Records: []byte{1}}, WindowBytes/2 + 1})
			}
		},
	} {
		r := newRig(t)
		r.step(Start{})
		r.connect()
		act(r)
		if closes := did[Close](r); len(closes) != 1 || closes[0].Code != 4400 || r.m.Status().Phase != PhaseReconnecting {
			t.Errorf("%s: %+v", name, r.effects)
		}
	}
}
