package access

import (
	"fmt"
	"testing"
	"time"
)

// Identities that use nothing are forgotten, so that many do not fill the memory; those that use something are not.
func TestQuotasAreForgotten(t *testing.T) {
	q := newQuotas(Limits{}.WithDefaults())
	if q.connect("stays") != nil || q.subscribe("follows") != nil || q.hold("appends", 100) != nil {
		t.Fatal("refused")
	}
	now := time.Now()
	for i := range 20 * firstSweep {
		q.turn(fmt.Sprint("passes ", i), nil, now.Add(time.Duration(i)*time.Second), 1, 100)
	}
	if n := len(q.of); n > 2*firstSweep {
		t.Errorf("%d identities are remembered", n)
	}
	for who, want := range map[string]quota{"stays": {connections: 1}, "follows": {subscriptions: 1}, "appends": {pending: 100}} {
		if o := q.of[who]; o == nil || o.connections != want.connections || o.subscriptions != want.subscriptions || o.pending != want.pending {
			t.Errorf("one that %s was forgotten: %+v", who, o)
		}
	}
}

// However slow the rates are, and many the identities: there is a bound.
func TestQuotasAreBounded(t *testing.T) {
	q := newQuotas(Limits{EventsPerSecond: 1}.WithDefaults())
	now := time.Now()
	for i := range 2 * maxIdentities {
		q.turn(fmt.Sprint(i), nil, now, 1000, 100)
	}
	if n := len(q.of); n > maxIdentities {
		t.Errorf("%d identities are remembered", n)
	}
}

// Nobody in particular has no quota of their own; below 0 there is no limit.
func TestNoLimits(t *testing.T) {
	q := newQuotas(Limits{EventsPerSecond: -1, BytesPerSecond: -1, Connections: -1, Subscriptions: -1, PendingBytes: -1}.WithDefaults())
	for _, who := range []string{"", "somebody"} {
		for range 1000 {
			if wait := q.turn(who, nil, time.Now(), 1000, 4<<20).wait(time.Now()); wait != 0 {
				t.Fatalf("%q waits %v", who, wait)
			}
			if q.connect(who) != nil || q.subscribe(who) != nil {
				t.Fatalf("%q is refused", who)
			}
		}
		if err := q.hold(who, 200<<20); err != nil {
			t.Errorf("%q: %v", who, err)
		}
		q.release(who, 200<<20)
	}
	if err := q.hold("somebody", 300<<20); err == nil {
		t.Error("there is no bound for all")
	}
}

// A turn that was given back is as if it had not been taken.
func TestTurnIsGivenBack(t *testing.T) {
	q := newQuotas(Limits{EventsPerSecond: 1}.WithDefaults())
	now := time.Now()
	if wait := q.turn("me", nil, now, 1000, 1).wait(now); wait != 0 {
		t.Fatalf("the first waits %v", wait)
	}
	for range 5 {
		second := q.turn("me", nil, now, 10, 1)
		if wait := second.wait(now); wait != 10*time.Second {
			t.Errorf("waits %v", wait)
		}
		second.giveBack(now)
	}
}
