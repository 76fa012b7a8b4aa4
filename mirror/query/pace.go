package query

import (
	"context"
	"time"
)

// pace bounds how long a query keeps its goroutine: each step of its statement by a budget, and all of them together by
// giving way between two steps. It looks at the clock as seldom as it can: in a browser that is dear.
type pace struct {
	ctx    context.Context
	now    func() time.Time
	budget time.Duration // of a step; 0: none
	yield  func()        // may be nil

	looked  time.Time // at the clock, last
	began   time.Time // the step in hand, not before
	yielded time.Time // last
	rows    int
	asked   int  // how often SQLite has asked in the step in hand
	spent   bool // the budget was
}

func newPace(ctx context.Context, o Options) *pace {
	now := o.Now()
	return &pace{ctx: ctx, now: o.Now, budget: o.MaxStep, yield: o.Yield, looked: now, began: now, yielded: now}
}

// step is for before each step of the statement.
func (p *pace) step() {
	p.asked = 0
	if p.rows++; p.rows%rowsPerLook == 0 {
		p.look()
	}
	if p.yield != nil && p.looked.Sub(p.yielded) >= yieldInterval {
		p.yield()
		p.look()
		p.yielded = p.looked
	}
	p.began = p.looked
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
	return p.spent || p.ended()
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
