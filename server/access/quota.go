package access

import (
	"fmt"
	"sync"
	"time"

	"github.com/millpond-dev/millpond"
)

// quotas count what identities use. One that uses nothing is forgotten.
type quotas struct {
	limits Limits

	mu      sync.Mutex
	of      map[string]*quota // +checklocks:mu // by subject
	sweepAt int               // +checklocks:mu
	pending int               // +checklocks:mu // of all, those without a subject too
}

// quota is what one identity uses.
type quota struct {
	pace                                pace
	connections, subscriptions, pending int
}

func newQuotas(limits Limits) *quotas {
	return &quotas{limits: limits, of: map[string]*quota{}, sweepAt: firstSweep}
}

// get is the subject's quota: nil for nobody in particular. The caller holds mu.
func (q *quotas) get(subject string, now time.Time) *quota {
	if subject == "" {
		return nil
	}
	if o := q.of[subject]; o != nil {
		return o
	}
	if len(q.of) >= q.sweepAt {
		q.sweep(now)
	}
	o := &quota{pace: newPace(q.limits.EventsPerSecond, q.limits.BytesPerSecond)}
	q.of[subject] = o
	return o
}

// sweep forgets those that use nothing. While there are too many it forgets those that have nothing open.
func (q *quotas) sweep(now time.Time) {
	for _, keep := range []bool{true, false} {
		for subject, o := range q.of {
			if o.connections+o.subscriptions+o.pending == 0 && (!keep || o.pace.rested(now)) {
				delete(q.of, subject)
			}
			if !keep && len(q.of) < maxIdentities/2 {
				break
			}
		}
		if len(q.of) < maxIdentities {
			break
		}
	}
	q.sweepAt = max(firstSweep, min(2*len(q.of), maxIdentities))
}

// turn takes a place in the subject's pace, and in that of the connection.
func (q *quotas) turn(subject string, connection *pace, now time.Time, events, bytes int) *turn {
	t := new(turn)
	q.mu.Lock()
	defer q.mu.Unlock()
	if o := q.get(subject, now); o != nil {
		t.take(o.pace, now, events, bytes)
	}
	if connection != nil {
		t.take(*connection, now, events, bytes)
	}
	return t
}

func (q *quotas) connect(subject string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if o := q.get(subject, time.Now()); o != nil {
		if over(o.connections+1, q.limits.Connections) {
			return tooMany(q.limits.Connections, "connections", "close another one first")
		}
		o.connections++
	}
	return nil
}

func (q *quotas) disconnect(subject string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if o := q.of[subject]; o != nil {
		o.connections--
	}
}

func (q *quotas) subscribe(subject string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if o := q.get(subject, time.Now()); o != nil {
		if over(o.subscriptions+1, q.limits.Subscriptions) {
			return tooMany(q.limits.Subscriptions, "subscriptions", "end another one first")
		}
		o.subscriptions++
	}
	return nil
}

func (q *quotas) unsubscribe(subject string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if o := q.of[subject]; o != nil {
		o.subscriptions--
	}
}

var errPendingTotal = &millpond.Error{Code: millpond.Unavailable, Message: "the server has as many appends in its memory as it can hold: try again in a moment"}

func (q *quotas) hold(subject string, bytes int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pending+bytes > q.limits.TotalPendingBytes {
		return errPendingTotal
	}
	if o := q.get(subject, time.Now()); o != nil {
		if over(o.pending+bytes, q.limits.PendingBytes) {
			return tooMany(q.limits.PendingBytes, "bytes of appends that are under way", "wait for some of them to end")
		}
		o.pending += bytes
	}
	q.pending += bytes
	return nil
}

func (q *quotas) release(subject string, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if o := q.of[subject]; o != nil {
		o.pending -= bytes
	}
	q.pending -= bytes
}

func over(n, limit int) bool { return limit >= 0 && n > limit }

func tooMany(limit int, what, do string) error {
	return &millpond.Error{Code: millpond.RateLimited, RetryAfter: time.Second,
		Message: fmt.Sprintf("you have at most %d %s at a time: %s", limit, what, do)}
}

// Used is what an identity uses.
type Used struct{ Connections, Subscriptions, PendingBytes int }

// Used is what the identity with the subject uses now.
func (g *Gate) Used(subject string) Used {
	g.quotas.mu.Lock()
	defer g.quotas.mu.Unlock()
	if o := g.quotas.of[subject]; o != nil {
		return Used{o.connections, o.subscriptions, o.pending}
	}
	return Used{}
}
