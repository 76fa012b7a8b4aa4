package session

import (
	"errors"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// done is the end of the append that the last step ended.
func (r *rig) done() AppendDone {
	r.Helper()
	list := did[AppendDone](r)
	if len(list) != 1 {
		r.Fatalf("%d appends ended", len(list))
	}
	return list[0]
}

// B2: an append waits for the connection, is sent when there is one, and ends with the server's answer.
func TestAppendWaits(t *testing.T) {
	r := newRig(t)
	r.step(Start{})
	r.step(Append{1, pond, []byte("[1]")})
	r.step(Append{2, pond, []byte("[2]")})
	r.connect()
	if a := sent[*millpond.Append](r); len(a) != 2 || a[0].ID != 1 || a[1].ID != 2 || string(a[1].Events) != "[2]" {
		t.Fatalf("sent %+v", a)
	}
	r.now += time.Hour
	r.receive(&millpond.Appended{ID: 1, Events: []millpond.Event{{Offset: 9}}})
	if d := r.done(); d.ID != 1 || d.Err != nil || d.Events[0].Offset != 9 {
		t.Errorf("ended with %+v", d)
	}
	r.receive(&millpond.ErrorMessage{Request: 2, Code: millpond.StreamPaused})
	if d := r.done(); d.ID != 2 || !errors.Is(d.Err, millpond.StreamPaused) {
		t.Errorf("ended with %+v", d)
	}
	r.receive(&millpond.Appended{ID: 2})
	if len(did[AppendDone](r)) > 0 {
		t.Error("an append ended twice")
	}
}

// B15: an append outlives any number of lost connections, and ends with Stop.
func TestAppendOutlivesConnections(t *testing.T) {
	r := newRig(t)
	r.step(Start{})
	r.step(Append{1, pond, []byte("[1]")})
	for range 100 {
		r.lose()
		r.wake()
		if len(did[AppendDone](r)) > 0 {
			t.Fatal("it has ended")
		}
	}
	r.connect()
	if a := one[*millpond.Append](r); a.ID != 1 {
		t.Errorf("sent %+v", a)
	}
	r.step(Stop{})
	r.step(Append{2, pond, []byte("[2]")})
	r.step(Tick{})
	if len(r.effects) > 0 {
		t.Errorf("after Stop: %+v", r.effects)
	}
}

// Appends without an answer are sent again on the next connection, in order and unchanged.
func TestAppendSentAgain(t *testing.T) {
	r := connected(t)
	for id := uint64(1); id <= 3; id++ {
		r.step(Append{id, pond, []byte{'[', byte('0' + id), ']'}})
	}
	r.receive(&millpond.Appended{ID: 1})
	r.step(CancelAppend{3})
	r.now += time.Hour
	r.lose()
	r.wake()
	r.connect()
	if a := one[*millpond.Append](r); a.ID != 2 || string(a.Events) != "[2]" {
		t.Errorf("sent %+v", a)
	}
}

// A server that goes away refuses appends for that reason only.
func TestAppendRefusedWhileLeaving(t *testing.T) {
	r := connected(t)
	r.step(Append{1, pond, []byte("[1]")})
	r.receive(&millpond.Goaway{RetryAfterMs: 100})
	r.receive(&millpond.ErrorMessage{Request: 1, Code: millpond.Unavailable})
	if len(did[AppendDone](r)) > 0 {
		t.Error("the append was given up")
	}
	r.lose()
	r.wake()
	r.connect()
	one[*millpond.Append](r)
}

// B15: "not now" is no refusal, and what was sent behind it does not overtake it: all are sent again, in order, on another
// connection.
func TestAppendNotNow(t *testing.T) {
	for _, code := range []millpond.ErrorCode{millpond.RateLimited, millpond.Unavailable, millpond.Internal} {
		r := connected(t)
		r.step(Append{1, pond, []byte("[1]")})
		r.step(Append{2, pond, []byte("[2]")})
		r.receive(&millpond.ErrorMessage{Request: 1, Code: code})
		if len(did[AppendDone](r)) > 0 || len(did[Close](r)) != 1 {
			t.Errorf("%s: %+v", code, r.effects)
		}
		if r.m.Status().Problem.Code != code {
			t.Errorf("the status says %+v", r.m.Status().Problem)
		}
		r.wake()
		r.connect()
		if a := sent[*millpond.Append](r); len(a) != 2 || a[0].ID != 1 || a[1].ID != 2 {
			t.Errorf("%s: sent %+v", code, a)
		}
	}
}
