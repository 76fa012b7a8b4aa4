package session

import (
	"errors"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

var (
	pond  = millpond.Name{Namespace: "default", Path: "/pond"}
	first = millpond.Incarnation("2026-01-01T00:00:00.000000000Z")
)

// rig is a machine under a test's hands.
type rig struct {
	*testing.T
	m       *Machine
	now     time.Duration
	rand    float64
	effects []Effect // of the last step
	epoch   uint64   // of the last Dial
	wakeAt  time.Duration
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, wakeAt: Never}
	r.m = New(Config{Rand: func() float64 { return r.rand }})
	return r
}

func (r *rig) step(in Input) {
	r.effects = r.m.Step(r.now, in)
	for _, e := range r.effects {
		switch e := e.(type) {
		case Dial:
			r.epoch = e.Epoch
		case Wake:
			r.wakeAt = e.At
		}
	}
}

// wake lets time pass to the timer.
func (r *rig) wake() {
	r.Helper()
	if r.wakeAt == Never {
		r.Fatal("no timer is set")
	}
	r.now = r.wakeAt
	r.step(Tick{})
}

func (r *rig) receive(msg millpond.Message) { r.step(Received{r.epoch, msg}) }

// connect goes from a dial to the welcome.
func (r *rig) connect() {
	r.Helper()
	r.step(Connected{r.epoch})
	one[*millpond.Hello](r)
	r.receive(&millpond.Welcome{})
}

func (r *rig) lose() { r.step(Disconnected{Epoch: r.epoch, CloseCode: 1006, Err: errors.New("lost")}) }

// follow subscribes to pond, and answers; it returns the subscription.
func (r *rig) follow(at millpond.Position) uint32 {
	r.Helper()
	r.step(Subscribe{pond, at})
	return r.resume()
}

// resume answers the Subscribe that was just sent.
func (r *rig) resume() uint32 {
	r.Helper()
	sub := one[*millpond.Subscribe](r)
	resume := &millpond.Resume{ID: sub.ID, Incarnation: first, After: *sub.After, MaxOffset: 100}
	if sub.Hash != nil {
		resume.Hash = *sub.Hash
	}
	r.receive(resume)
	return sub.ID
}

// frame delivers a batch of one record that ends at the offset.
func (r *rig) frame(id uint32, offset uint64) {
	r.step(Frame{r.epoch, millpond.Batch{Subscription: id, LastOffset: offset, MaxOffset: 100, Records: []byte{1, 2}}, 1000})
}

func (r *rig) applied(offset uint64) {
	r.step(Applied{pond, millpond.Position{Incarnation: first, Offset: offset, Hash: millpond.Hash(offset)}})
}

func at(offset uint64) millpond.Position {
	return millpond.Position{Incarnation: first, Offset: offset, Hash: millpond.Hash(offset)}
}

// sent is the messages of a type that the last step sent.
func sent[M millpond.Message](r *rig) (list []M) {
	for _, e := range r.effects {
		if s, ok := e.(Send); ok {
			if m, ok := s.Message.(M); ok {
				list = append(list, m)
			}
		}
	}
	return list
}

// one is the only message of its type that the last step sent.
func one[M millpond.Message](r *rig) M {
	r.Helper()
	list := sent[M](r)
	if len(list) != 1 {
		r.Fatalf("%d messages %T in %+v", len(list), *new(M), r.effects)
	}
	return list[0]
}

// did is the effects of a type of the last step.
func did[E Effect](r *rig) (list []E) {
	for _, e := range r.effects {
		if e, ok := e.(E); ok {
			list = append(list, e)
		}
	}
	return list
}
