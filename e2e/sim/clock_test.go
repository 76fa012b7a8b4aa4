//go:build sim

package sim

import (
	"cmp"
	"container/heap"
	"sync"
	"testing/synctest"
	"time"
)

// clock is the one place where a world decides what happens next: it makes one thing happen at a time, at a time of its own, and
// lets all that follows from it come to rest before the next.
type clock struct {
	mu     sync.Mutex
	agenda agenda
	count  int
	woken  chan struct{} // of capacity 1: holds a token when something was planned
}

// plan is something that is going to happen.
type plan struct {
	at    time.Time
	who   string // decides between plans of the same time, where the order of the calls is chance
	count int
	fn    func()
}

func newClock() *clock { return &clock{woken: make(chan struct{}, 1)} }

// at plans something. It may be called from any goroutine.
func (c *clock) at(t time.Time, who string, fn func()) {
	c.mu.Lock()
	c.count++
	heap.Push(&c.agenda, &plan{t, who, c.count, fn})
	c.mu.Unlock()
	select {
	case c.woken <- struct{}{}:
	default:
	}
}

func (c *clock) after(d time.Duration, who string, fn func()) { c.at(time.Now().Add(d), who, fn) }

// next waits for the next thing, makes it happen and waits until all is at rest. It is false when nothing is planned before
// the time; then it is that time.
func (c *clock) next(until time.Time) bool {
	for {
		p, at := c.due(until)
		if p != nil {
			p.fn()
			synctest.Wait()
			return true
		}
		if !time.Now().Before(until) {
			return false
		}
		timer := time.NewTimer(time.Until(at))
		select {
		case <-timer.C:
			synctest.Wait() // timers of the product may have the same time
		case <-c.woken:
			timer.Stop()
		}
	}
}

// due takes what is due, or says when to look again.
func (c *clock) due(until time.Time) (p *plan, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.agenda) == 0 || c.agenda[0].at.After(until) {
		return nil, until
	}
	if at = c.agenda[0].at; at.After(time.Now()) {
		return nil, at
	}
	return heap.Pop(&c.agenda).(*plan), at
}

type agenda []*plan

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	x, y := a[i], a[j]
	return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.who, y.who), cmp.Compare(x.count, y.count)) < 0
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(*plan)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	p := (*a)[last]
	*a = (*a)[:last]
	return p
}
