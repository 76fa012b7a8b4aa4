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

// B2: the wait is bounded, by default 10 s; after Stop there is none.
func TestAppendWaitEnds(t *testing.T) {
	r := newRig(t)
	r.step(Start{})
	r.lose()
	r.step(Append{1, pond, []byte("[1]")})
	asked := r.now
	for len(did[AppendDone](r)) == 0 {
		r.wake()
		if len(did[Dial](r)) > 0 {
			r.lose()
		}
	}
	if d := r.done(); !errors.Is(d.Err, millpond.Unavailable) || r.now-asked != defaultAppendWait {
		t.Errorf("after %v: %+v", r.now-asked, d)
	}
	r.step(Append{2, pond, []byte("[2]")})
	r.step(Stop{})
	if d := r.done(); d.ID != 2 || !errors.Is(d.Err, millpond.Unavailable) {
		t.Errorf("ended with %+v", d)
	}
	r.step(Append{3, pond, []byte("[3]")})
	if d := r.done(); d.ID != 3 || !errors.Is(d.Err, millpond.Unavailable) {
		t.Errorf("ended with %+v", d)
	}
}

// Appends without an answer are sent again on the next connection, in order and unchanged; the wait begins again.
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

func TestAppendsAreBounded(t *testing.T) {
	r := newRig(t)
	r.step(Start{})
	for id := uint64(1); id <= MaxAppends; id++ {
		r.step(Append{id, pond, []byte("[]")})
	}
	r.step(Append{MaxAppends + 1, pond, []byte("[]")})
	if d := r.done(); !errors.Is(d.Err, millpond.RateLimited) {
		t.Errorf("ended with %+v", d)
	}
	r = newRig(t)
	r.step(Append{1, pond, make([]byte, MaxAppendBytes)})
	if len(did[AppendDone](r)) > 0 {
		t.Error("refused what is within the limit")
	}
	r.step(Append{2, pond, []byte("[]")})
	if d := r.done(); !errors.Is(d.Err, millpond.RateLimited) {
		t.Errorf("ended with %+v", d)
	}
	r.step(CancelAppend{1})
	r.step(Append{3, pond, []byte("[]")})
	if len(did[AppendDone](r)) > 0 {
		t.Error("what was cancelled still counts")
	}
}
