package session

import (
	"errors"
	"testing"

	"github.com/millpond-dev/millpond"
)

// B16: a copy that was replaced is subscribed to again from where it is now.
func TestMoved(t *testing.T) {
	r := connected(t)
	id := r.follow(at(30))
	r.step(Moved{pond, at(30)})
	if len(r.effects) != 0 {
		t.Errorf("nothing has moved, and %+v", r.effects)
	}
	r.step(Moved{pond, millpond.Position{}})
	if gone := one[*millpond.Unsubscribe](r); gone.ID != id {
		t.Errorf("unsubscribed %+v", gone)
	}
	if sub := one[*millpond.Subscribe](r); *sub.After != 0 || sub.Hash != nil {
		t.Errorf("subscribed %+v", sub)
	}
	if s := r.state(); s.Position.Offset != 0 {
		t.Errorf("status %+v", s)
	}
	r.step(Moved{millpond.Name{Namespace: "default", Path: "/unknown"}, at(3)})
	if len(r.effects) != 0 {
		t.Errorf("a stream that nobody follows: %+v", r.effects)
	}
}

// A batch that was with the shell when its copy was replaced decides nothing but by its answer.
func TestMovedWhileBusy(t *testing.T) {
	r := connected(t)
	id := r.follow(at(3))
	r.frame(id, 5)
	r.step(Moved{pond, millpond.Position{}})
	if len(sent[*millpond.Subscribe](r)) != 0 {
		t.Errorf("subscribed although the position is not known: %+v", r.effects)
	}
	r.step(ApplyFailed{Name: pond, Mismatch: true, Err: errors.New("gap")})
	r.wake()
	if sub := one[*millpond.Subscribe](r); *sub.After != 0 {
		t.Errorf("subscribed %+v", sub)
	}
}

// B16: one that was waiting to be tried again waits on: a storage that fails each time must not make it busy.
func TestMovedWaits(t *testing.T) {
	r := connected(t)
	id := r.follow(at(3))
	r.frame(id, 5)
	r.step(ApplyFailed{Name: pond, Err: errors.New("damaged")})
	r.step(Moved{pond, millpond.Position{}})
	if len(sent[*millpond.Subscribe](r)) != 0 {
		t.Errorf("at once: %+v", r.effects)
	}
	r.wake()
	if sub := one[*millpond.Subscribe](r); *sub.After != 0 {
		t.Errorf("subscribed %+v", sub)
	}
}
