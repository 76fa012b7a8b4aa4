package host

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/millpond-dev/millpond"
)

// act folds events into the progress and lets the processor act on them. It returns those that are left: all after the one that
// failed, with that, or after some time, so that what was done is made durable.
func (r *runner) act(next *progress, events []millpond.Event) (rest []millpond.Event, err error) {
	if r.processor.ActsByBatch() {
		return r.actByBatch(next, events)
	}
	began := time.Now()
	for i := range events {
		if r.ctx.Err() != nil || i > 0 && next.acted && time.Since(began) >= checkpointInterval {
			return events[i:], nil
		}
		e := &events[i]
		after, err := r.reduce(next.state, e)
		if err != nil {
			return events[i:], err
		}
		if e.Offset > next.anchor && r.processor.ActsByEvent() && r.processor.ActsOn(e) {
			step := millpond.Step[any]{Event: e, Before: next.state, After: after}
			err := r.call(e.Offset, fmt.Sprint(e.Offset), func(ctx context.Context, fx millpond.Effects) error {
				return r.processor.ProcessEvent(ctx, fx, step)
			})
			if err != nil {
				return events[i:], err
			}
			next.acted = true
		}
		next.state, next.offset, next.folded = after, e.Offset, true
	}
	return nil, nil
}

// actByBatch is act for a processor that acts on several events at once.
func (r *runner) actByBatch(next *progress, events []millpond.Event) (rest []millpond.Event, err error) {
	n := min(len(events), batchEvents)
	var steps []millpond.Step[any]
	done := *next
	for i := range n {
		e := &events[i]
		after, err := r.reduce(done.state, e)
		if err != nil {
			if i == 0 {
				return events, err
			}
			n = i // what comes before it is done first
			break
		}
		if e.Offset > next.anchor && r.processor.ActsOn(e) {
			steps = append(steps, millpond.Step[any]{Event: e, Before: done.state, After: after})
		}
		done.state, done.offset, done.folded = after, e.Offset, true
	}
	if len(steps) > 0 {
		err := r.call(steps[0].Event.Offset, "", func(ctx context.Context, fx millpond.Effects) error {
			return r.processor.ProcessBatch(ctx, fx, steps)
		})
		if err != nil {
			return events, err
		}
		done.acted = true
	}
	*next = done
	return events[n:], nil
}

func (r *runner) reduce(state any, e *millpond.Event) (after any, err error) {
	err = guard(func() error {
		after = r.processor.Reduce(state, e)
		return nil
	})
	if err != nil {
		return nil, &failure{e.Offset, fmt.Errorf("reduce: %w", err)}
	}
	return after, nil
}

// call calls the processor, waits for it and for the work that blocks the checkpoint, and decides whose failure a failure is.
func (r *runner) call(offset uint64, scope string, do func(context.Context, millpond.Effects) error) error {
	ctx, cancel := context.WithTimeout(r.work, callTimeout)
	defer cancel()
	r.busy(true)
	defer r.busy(false)
	overdue := time.AfterFunc(callTimeout, func() {
		r.log.Warn("a processor has not returned in time: its context has ended, and it is waited for", "offset", offset)
	})
	defer overdue.Stop()

	c := &call{runner: r, ctx: ctx, room: make(chan struct{}, maxWork)}
	returned := make(chan error, 1)
	go func() {
		err := errExited
		defer func() { returned <- err }() // also when the processor has ended the goroutine
		err = guard(func() error { return do(ctx, &effects{call: c, scope: scope}) })
	}()
	err := <-returned
	if err != nil {
		cancel()
	}
	failed, outage := c.finish()
	err = errors.Join(err, failed)
	switch {
	case err == nil:
		return nil
	case r.work.Err() != nil:
		return r.work.Err()
	case outage != nil && errors.Is(err, outage): // the streams', not the processor's
		return err
	}
	return &failure{offset, err}
}

var errExited = errors.New("the processor has ended its goroutine")

// busy says that the processor is being called.
func (r *runner) busy(is bool) {
	now := time.Now().UTC()
	r.update(func(s *Status) {
		s.BusySince = nil
		if is {
			s.BusySince = &now
		}
	})
}

// guard calls code of a processor, and makes an error of its panic.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{p, debug.Stack()}
		}
	}()
	return do()
}
