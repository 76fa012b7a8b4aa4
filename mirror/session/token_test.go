package session

import (
	"errors"
	"testing"

	"github.com/millpond-dev/millpond"
)

func newTokenRig(t *testing.T) *rig {
	r := newRig(t)
	r.m = New(Config{Rand: func() float64 { return r.rand }, Tokens: true})
	return r
}

// asked is the GetToken of the last step.
func (r *rig) asked(fresh bool) {
	r.Helper()
	asked := did[GetToken](r)
	if len(asked) != 1 || asked[0].Fresh != fresh || len(did[Dial](r)) != 0 {
		r.Fatalf("%+v", r.effects)
	}
	r.epoch = asked[0].Epoch
}

func (r *rig) greet(token string) {
	r.Helper()
	r.step(GotToken{Epoch: r.epoch, Token: token})
	if len(did[Dial](r)) != 1 {
		r.Fatalf("did not dial: %+v", r.effects)
	}
	r.step(Connected{r.epoch})
	if hello := one[*millpond.Hello](r); hello.Token != token {
		r.Errorf("showed %q, not %q", hello.Token, token)
	}
}

// A token is asked for before each dial; after one that was refused, until another is welcomed, a fresh one.
func TestTokenOfEachConnection(t *testing.T) {
	r := newTokenRig(t)
	r.step(Start{})
	r.asked(false)
	if s := r.m.Status(); s.Phase != PhaseConnecting {
		t.Errorf("%+v", s)
	}
	r.greet("one")
	r.receive(&millpond.Welcome{})
	r.step(Disconnected{Epoch: r.epoch, CloseCode: 4401, Err: errors.New("expired")})
	if s := r.m.Status(); s.Phase != PhaseReconnecting || s.Problem.Action != millpond.Reauthenticate || s.RetryAt == Never {
		t.Errorf("%+v", s)
	}
	r.wake()
	r.asked(true)
	r.greet("two")
	r.lose()
	r.wake()
	r.asked(true) // two was not welcomed
	r.greet("two")
	r.receive(&millpond.Welcome{})
	r.lose()
	r.wake()
	r.asked(false)
}

// B8: a server that refuses each token is asked ever more seldom.
func TestTokenRefusedAgainAndAgain(t *testing.T) {
	r := newTokenRig(t)
	r.step(Start{})
	for range 20 {
		r.epoch = r.m.epoch
		r.greet("bad")
		r.receive(&millpond.ErrorMessage{Code: millpond.Unauthenticated, Message: "no"})
		r.wake()
		r.asked(true)
	}
	r.greet("bad")
	before := r.now
	r.receive(&millpond.ErrorMessage{Code: millpond.Unauthenticated, Message: "no"})
	if wait := r.wakeAt - before; wait != BackoffCap/2 {
		t.Errorf("waits %v", wait)
	}
}

// Where no token can be had, trying again is worth it or not, as its error says.
func TestNoToken(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want Phase
		code millpond.ErrorCode
	}{
		"a failure":    {errors.New("the issuer is not there"), PhaseReconnecting, millpond.Unavailable},
		"not now":      {&millpond.Error{Code: millpond.RateLimited}, PhaseReconnecting, millpond.RateLimited},
		"nobody is in": {&millpond.Error{Code: millpond.Unauthenticated, Message: "log in"}, PhaseStopped, millpond.Unauthenticated},
	} {
		r := newTokenRig(t)
		r.step(Start{})
		r.asked(false)
		r.step(GotToken{Epoch: r.epoch, Err: test.err})
		s := r.m.Status()
		if s.Phase != test.want || s.Problem.Code != test.code || (r.wakeAt == Never) != (test.want == PhaseStopped) {
			t.Errorf("%s: %+v", name, s)
		}
		r.step(Reconnect{})
		r.asked(false)
		r.greet("one")
	}
}

// A token that does not come is not waited for without end, and comes too late.
func TestTokenTimeout(t *testing.T) {
	r := newTokenRig(t)
	r.step(Start{})
	r.asked(false)
	r.step(Online{}) // changes nothing: whoever is asked may be typing
	if len(did[GetToken](r)) != 0 {
		t.Error("asked again")
	}
	r.wake()
	if r.now != TokenTimeout || len(did[Close](r)) != 1 {
		t.Errorf("at %v: %+v", r.now, r.effects)
	}
	r.step(GotToken{Epoch: r.epoch, Token: "late"})
	if len(r.effects) != 0 {
		t.Errorf("the late token had an effect: %+v", r.effects)
	}
	r.wake()
	r.asked(false)
}

// A request that fails because the identity has ended is asked for again with the next token, once.
func TestUnauthenticatedRequest(t *testing.T) {
	for _, request := range []bool{true, false} {
		r := newTokenRig(t)
		r.step(Start{})
		r.asked(false)
		r.greet("one")
		r.receive(&millpond.Welcome{})
		id := r.follow(at(3))
		r.step(Append{1, pond, []byte("[]")})
		refusal := &millpond.ErrorMessage{Code: millpond.Unauthenticated, Request: 1}
		if !request {
			refusal = &millpond.ErrorMessage{Code: millpond.Unauthenticated, Subscription: id}
		}
		r.receive(refusal)
		if len(did[AppendDone](r)) != 0 || len(did[Close](r)) != 1 {
			t.Fatalf("%+v", r.effects)
		}
		r.wake()
		r.asked(true)
		r.greet("two")
		r.receive(&millpond.Welcome{})
		if a := one[*millpond.Append](r); a.ID != 1 {
			t.Errorf("%+v", a)
		}
		if sub := one[*millpond.Subscribe](r); *sub.After != 3 {
			t.Errorf("%+v", sub)
		}
	}
}
