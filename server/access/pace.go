package access

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/millpond-dev/millpond"
)

// pace is how fast somebody may append: two token buckets, which hold two seconds' worth, and one batch of the largest
// size at least, so that every batch may pass. It is not for concurrent use.
type pace struct{ events, bytes *rate.Limiter }

func newPace(eventsPerSecond, bytesPerSecond int) pace {
	return pace{bucket(eventsPerSecond, millpond.MaxBatchEvents), bucket(bytesPerSecond, millpond.MaxBatchBytes)}
}

func bucket(perSecond, least int) *rate.Limiter {
	if perSecond < 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(burstSeconds*perSecond, least))
}

// turn is a place in a pace: how long to wait for it, and how to give it back.
type turn struct {
	reserved [4]*rate.Reservation
	n        int
}

func (t *turn) take(p pace, now time.Time, events, bytes int) {
	t.reserved[t.n] = p.events.ReserveN(now, events)
	t.reserved[t.n+1] = p.bytes.ReserveN(now, bytes)
	t.n += 2
}

func (t *turn) wait(now time.Time) (longest time.Duration) {
	for _, r := range t.reserved[:t.n] {
		longest = max(longest, r.DelayFrom(now))
	}
	return longest
}

func (t *turn) giveBack(now time.Time) {
	for _, r := range t.reserved[:t.n] {
		r.CancelAt(now)
	}
}

// rested reports whether nothing of it is used: a new one is the same.
func (p pace) rested(now time.Time) bool {
	for _, l := range []*rate.Limiter{p.events, p.bytes} {
		if l.Limit() != rate.Inf && l.TokensAt(now) < float64(l.Burst()) {
			return false
		}
	}
	return true
}

// sizes are what a batch takes of a pace.
func sizes(inputs []millpond.Input) (events, bytes int) {
	for i := range inputs {
		in := &inputs[i]
		bytes += len(in.Type) + len(in.Payload) + len(in.Metadata) + len(in.IdempotencyKey)
	}
	return len(inputs), min(bytes, millpond.MaxBatchBytes)
}
