package query

import (
	"context"
	"time"
)

// pace bounds how long a query keeps its goroutine: each step of its statement by a budget, and all of them together by
// a slice, or by giving way between two steps. It looks at the clock as seldom as it can: in a browser that is dear.
type pace struct {
	ctx    context.Context
	now    func() time.Time
	budget time.Duration // of a step; 0: none
	slice  time.Duration // of all; 0: none
	yield  func()        // may be nil

	start   time.Time
	looked  time.Time // at the clock, last
	began   time.Time // the step in hand, not before
	yielded time.Time // last
	rows    int
	asked   int  // how often SQLite has asked in the step in hand
	spent   bool // the budget was
	sliced  bool // the slice is over
}

func newPace(ctx context.Context, slice time.Duration, o Options) *pace {
	now := o.Now()
	return &pace{ctx: ctx, now: o.Now, budget: o.MaxStep, slice: slice, yield: o.Yield, start: now, looked: now, began: now, yielded: now}
}

// step is for before each step of the statement. It answers whether there is to be one.
func (p *pace) step() bool {
	p.asked = 0
	if p.rows++; p.rows%rowsPerLook == 0 {
		p.look()
	}
	if p.over() {
		return false
	}
	if p.yield != nil && p.looked.Sub(p.yielded) >= yieldInterval {
		p.yield()
		p.look()
		p.yielded = p.looked
	}
	p.began = p.looked
	return true
}

// stop is what SQLite asks, before it begins with a step and in its course.
func (p *pace) stop() bool {
	if p.ctx.Err() != nil {
		return true
	}
	if p.asked++; p.asked == 1 {
		return p.ended()
	}
	p.look()
	p.spent = p.budget > 0 && p.looked.Sub(p.began) >= p.budget
	return p.over() || p.spent || p.ended()
}

// over reports whether the slice is.
func (p *pace) over() bool {
	p.sliced = p.sliced || p.slice > 0 && p.looked.Sub(p.start) >= p.slice
	return p.sliced
}

func (p *pace) look() { p.looked = p.now() }

// ended reports whether the context is over. It compares the deadline itself: in a browser no timer fires while a statement
// runs.
func (p *pace) ended() bool {
	if p.ctx.Err() != nil {
		return true
	}
	deadline, ok := p.ctx.Deadline()
	return ok && !p.looked.Before(deadline)
}
