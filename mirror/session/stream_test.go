package session

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

func connected(t *testing.T) *rig {
	r := newRig(t)
	r.step(Start{})
	r.connect()
	return r
}

func (r *rig) state() StreamStatus { return r.m.Status().Streams[0] }

func TestResume(t *testing.T) {
	r := connected(t)
	r.step(Subscribe{pond, at(3)})
	sub := one[*millpond.Subscribe](r)
	if *sub.After != 3 || sub.Incarnation != first || *sub.Hash != 3 || sub.Credit != WindowBytes {
		t.Errorf("subscribed with %+v", sub)
	}
	if s := r.state(); s.State != Subscribing {
		t.Errorf("state %s", s.State)
	}
	r.receive(&millpond.Resume{ID: sub.ID, Incarnation: first, After: 3, Hash: 3, MaxOffset: 9})
	if s := r.state(); s.State != Subscribed || s.MaxOffset != 9 {
		t.Errorf("status %+v", s)
	}
	r.frame(sub.ID, 5)
	if a := did[Apply](r); len(a) != 1 || a[0].Rebuild || a[0].Incarnation != first {
		t.Errorf("did %+v", r.effects)
	}
	r.frame(sub.ID, 6)
	if len(did[Apply](r)) != 0 {
		t.Error("a second batch before the first was applied")
	}
	r.applied(5)
	if a := did[Apply](r); len(a) != 1 || a[0].Batch.LastOffset != 6 {
		t.Errorf("did %+v", r.effects)
	}
	r.applied(6)
	if s := r.state(); s.Position != at(6) {
		t.Errorf("status %+v", s)
	}
}

// B4: the answer to rebuild changes nothing until a batch comes; that one replaces the copy, the next does not.
func TestRebuild(t *testing.T) {
	r := connected(t)
	r.step(Subscribe{pond, at(30)})
	id := one[*millpond.Subscribe](r).ID
	r.receive(&millpond.Rebuild{ID: id, Reason: millpond.OtherIncarnation, Incarnation: "second", MaxOffset: 8})
	if s := r.state(); s.State != Rebuilding || s.Position != at(30) || len(did[Apply](r)) > 0 {
		t.Errorf("status %+v, did %+v", s, r.effects)
	}
	r.step(Frame{r.epoch, millpond.Batch{Subscription: id, Live: true}, 10})
	if len(did[Apply](r)) > 0 {
		t.Error("a batch without events replaced the copy")
	}
	r.frame(id, 2)
	if a := did[Apply](r); len(a) != 1 || !a[0].Rebuild || a[0].Incarnation != "second" {
		t.Errorf("did %+v", r.effects)
	}
	r.frame(id, 4)
	r.step(Applied{pond, millpond.Position{Incarnation: "second", Offset: 2, Hash: 2}})
	if a := did[Apply](r); len(a) != 1 || a[0].Rebuild {
		t.Errorf("did %+v", r.effects)
	}
	if s := r.state(); s.State != Subscribed {
		t.Errorf("status %+v", s)
	}
}

// B4: a server that resumes where the copy is not is not followed.
func TestResumeElsewhere(t *testing.T) {
	for _, resume := range []millpond.Resume{
		{Incarnation: "second", After: 3, Hash: 3}, {Incarnation: first, After: 2, Hash: 3}, {Incarnation: first, After: 3, Hash: 4},
	} {
		r := connected(t)
		r.step(Subscribe{pond, at(3)})
		resume.ID = one[*millpond.Subscribe](r).ID
		r.receive(&resume)
		one[*millpond.Unsubscribe](r)
		if s := r.state(); s.State != Failed || s.RetryAt == Never {
			t.Errorf("%+v: status %+v", resume, s)
		}
	}
}

// B9: a batch that cannot be applied ends the subscription; what is on its way of it is dropped; the next begins at the
// position, later and later, and the status shows it.
func TestApplyFails(t *testing.T) {
	r := connected(t)
	id := r.follow(at(3))
	var last time.Duration
	for range 12 {
		r.frame(id, 4)
		r.frame(id, 5)
		r.step(ApplyFailed{Name: pond, Err: errors.New("disk full")})
		if u := one[*millpond.Unsubscribe](r); u.ID != id || len(did[Apply](r)) > 0 {
			t.Fatalf("did %+v", r.effects)
		}
		if s := r.state(); s.State != Failed || s.Position != at(3) || s.Problem.Action != millpond.Retry || s.RetryAt <= r.now {
			t.Fatalf("status %+v", s)
		}
		r.frame(id, 6)
		if len(r.effects) > 0 && len(did[Apply](r)) > 0 {
			t.Fatal("a batch of the ended subscription was used")
		}
		failed := r.now
		for len(sent[*millpond.Subscribe](r)) == 0 {
			r.wake()
			if len(sent[*millpond.Ping](r)) > 0 {
				r.receive(&millpond.Pong{})
			}
		}
		if wait := r.now - failed; wait < min(last, BackoffCap/2) {
			t.Fatalf("waited %v after %v", wait, last)
		} else {
			last = wait
		}
		if sub := one[*millpond.Subscribe](r); *sub.After != 3 || sub.ID <= id {
			t.Fatalf("subscribed with %+v", sub)
		}
		id = r.resume()
	}
	r.frame(id, 4)
	r.applied(4)
	if s := r.state(); s.State != Subscribed || s.Problem != nil || r.m.Status().Phase != PhaseConnected {
		t.Errorf("status %+v", s)
	}
}

// B9: when the copy and the batches do not fit together again and again, the copy is replaced.
func TestMismatches(t *testing.T) {
	r := connected(t)
	id := r.follow(at(3))
	for n := 1; ; n++ {
		r.frame(id, 4)
		r.step(ApplyFailed{Name: pond, Mismatch: true, Err: errors.New("other hash")})
		r.wake()
		sub := one[*millpond.Subscribe](r)
		if *sub.After != 0 {
			if n >= MaxMismatches {
				t.Fatalf("the copy is still trusted after %d mismatches", n)
			}
			id = r.resume()
			continue
		}
		if n != MaxMismatches || sub.Hash != nil || sub.Incarnation != "" {
			t.Fatalf("after %d mismatches: %+v", n, sub)
		}
		break
	}
	r.frame(r.resume(), 4)
	if a := did[Apply](r); len(a) != 1 || !a[0].Rebuild {
		t.Errorf("did %+v", r.effects)
	}
}

// While a batch is with the database the position is not known: a new connection waits for it.
func TestReconnectWhileApplying(t *testing.T) {
	r := connected(t)
	r.frame(r.follow(at(3)), 4)
	r.lose()
	r.wake()
	r.connect()
	if len(sent[*millpond.Subscribe](r)) > 0 {
		t.Error("subscribed from a position that may be old")
	}
	r.applied(4)
	if sub := one[*millpond.Subscribe](r); *sub.After != 4 {
		t.Errorf("subscribed after %d", *sub.After)
	}
	if r.m.attempts == 0 {
		t.Error("B8: a batch of the connection before reset the backoff")
	}
}

// The server ends a subscription: after a reset or a kill it is asked again, soon; that is no failure.
func TestEnded(t *testing.T) {
	for reason, failed := range map[millpond.EndReason]bool{millpond.EndReset: false, millpond.EndKilled: false, millpond.EndReplaced: true} {
		r := connected(t)
		id := r.follow(at(3))
		r.receive(&millpond.Unsubscribed{ID: id, Reason: reason})
		if s := r.state(); (s.State == Failed) != failed {
			t.Errorf("%s: status %+v", reason, s)
		}
		r.wake()
		if sub := one[*millpond.Subscribe](r); *sub.After != 3 || r.now > BackoffBase {
			t.Errorf("%s: at %v %+v", reason, r.now, sub)
		}
	}
}

// A refused subscription is tried again where that can help, else on the next connection.
func TestSubscriptionRefused(t *testing.T) {
	for code, again := range map[millpond.ErrorCode]bool{millpond.Unavailable: true, millpond.Forbidden: false} {
		r := connected(t)
		r.step(Subscribe{pond, at(3)})
		r.receive(&millpond.ErrorMessage{Subscription: one[*millpond.Subscribe](r).ID, Code: code, Message: "no"})
		if s := r.state(); s.State != Failed || s.Problem.Code != code || (s.RetryAt != Never) != again {
			t.Errorf("%s: status %+v", code, s)
		}
		if r.m.Status().Phase != PhaseConnected {
			t.Errorf("%s: it ended the connection", code)
		}
		r.lose()
		r.wake()
		r.connect()
		for len(sent[*millpond.Subscribe](r)) == 0 {
			r.wake()
		}
	}
}

func TestUnsubscribe(t *testing.T) {
	r := connected(t)
	id := r.follow(at(3))
	r.frame(id, 4)
	r.step(Unsubscribe{pond})
	if u := one[*millpond.Unsubscribe](r); u.ID != id || len(r.m.Status().Streams) != 0 {
		t.Errorf("did %+v", r.effects)
	}
	r.step(Subscribe{pond, at(3)}) // the database is still at work: 3 is not the position any more
	if len(sent[*millpond.Subscribe](r)) > 0 {
		t.Error("subscribed from a position that may be old")
	}
	r.applied(4)
	if sub := one[*millpond.Subscribe](r); *sub.After != 4 {
		t.Errorf("subscribed after %d", *sub.After)
	}
}

// Credit is given again once batches are applied, a quarter of the window at a time; many streams share what there is.
func TestCredit(t *testing.T) {
	r := connected(t)
	id := r.follow(at(3))
	const frame = WindowBytes / 8
	for offset := uint64(4); offset < 10; offset++ {
		r.step(Frame{r.epoch, millpond.Batch{Subscription: id, LastOffset: offset, Records: []byte{1}}, frame})
		if len(sent[*millpond.Credit](r)) > 0 {
			t.Error("credit for a batch that was not applied")
		}
	}
	r.applied(4)
	if len(sent[*millpond.Credit](r)) > 0 {
		t.Error("a message for an eighth of the window")
	}
	r.applied(5)
	if c := one[*millpond.Credit](r); c.ID != id || c.Bytes != 2*frame {
		t.Errorf("gave %+v", c)
	}

	var total int64
	r = newRig(t)
	for i := range 1000 {
		r.step(Subscribe{millpond.Name{Namespace: "default", Path: fmt.Sprintf("/%d", i)}, at(3)})
	}
	r.step(Start{})
	r.connect()
	for _, sub := range sent[*millpond.Subscribe](r) {
		total += sub.Credit
	}
	if total > WindowsBytes || total < WindowsBytes-1000 {
		t.Errorf("1000 streams have a credit of %d together", total)
	}
}
