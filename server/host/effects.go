package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/stream"
)

// call is one call of a processor, with the work that it has begun.
type call struct {
	runner *runner
	ctx    context.Context
	room   chan struct{} // holds a token for each work that blocks the checkpoint
	works  sync.WaitGroup

	mu     sync.Mutex
	over   bool    // +checklocks:mu // nothing of it counts any more
	errs   []error // +checklocks:mu // of its works
	outage error   // +checklocks:mu // the last error of an append that may pass
}

// finish waits for the works and ends the call. It returns their failures, and the last error of an append that may pass.
func (c *call) finish() (failed, outage error) {
	c.works.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	return errors.Join(c.errs...), c.outage
}

func (c *call) fail(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

// effects are those of a call, or of one work of it.
type effects struct {
	call  *call
	scope string // begins the keys of its appends; empty: each must have its own
	own   bool   // it is a work's: what that begins runs in it

	mu      sync.Mutex
	appends int // +checklocks:mu // so far
	begun   int // +checklocks:mu // works so far
}

var _ millpond.Effects = (*effects)(nil)

var (
	errOver   = errors.New("the call that these effects were given to is over")
	errNoRoom = errors.New("work in the background has found no room")
)

// Append appends to the processor's stream, or to the one that the inputs name.
func (fx *effects) Append(ctx context.Context, inputs ...millpond.Input) ([]millpond.Event, error) {
	r := fx.call.runner
	if fx.over() {
		return nil, errOver
	}
	target, err := millpond.Target(r.name, inputs)
	if err != nil {
		return nil, err
	}
	inputs, err = r.processor.Prepare(inputs, keyPrefix, func() string { return fx.nextKey(target) })
	if err != nil {
		return nil, err
	}
	var events []millpond.Event
	if target == r.name {
		events, err = r.host.streams.AppendAs(ctx, target, r.as, inputs)
	} else {
		events, err = r.host.streams.Append(ctx, r.name, inputs)
	}
	if passing(err) || errors.Is(err, stream.ErrSuperseded) {
		fx.call.mu.Lock()
		fx.call.outage = err
		fx.call.mu.Unlock()
	}
	return events, err
}

func (fx *effects) over() bool {
	fx.call.mu.Lock()
	defer fx.call.mu.Unlock()
	return fx.call.over
}

// keyPrefix begins the idempotency keys of what processors append: clients cannot use it.
const keyPrefix = millpond.SystemPrefix + "processor/"

// nextKey is the key of the next append without one: the same when the same event is processed again. In another stream it
// tells of which incarnation of which stream the event is. Where several events are the cause there is none.
func (fx *effects) nextKey(name millpond.Name) string {
	r := fx.call.runner
	if fx.scope == "" {
		return ""
	}
	fx.mu.Lock()
	n := fx.appends
	fx.appends++
	fx.mu.Unlock()
	from := ""
	if name != r.name {
		sum := sha256.Sum256([]byte(r.name.String() + "@" + string(r.as.Incarnation)))
		from = hex.EncodeToString(sum[:16]) + "/"
	}
	return fmt.Sprintf("@%s.%d/%s%s", fx.scope, n, from, r.as.Key)
}

// BlockWhile runs work beside the call.
func (fx *effects) BlockWhile(work func(context.Context, millpond.Effects) error) {
	c := fx.call
	begin := fx.sub("w")
	switch {
	case fx.over():
		c.runner.log.Warn("work was not done", "error", errOver)
	case fx.own:
		c.fail(guard(func() error { return work(c.ctx, begin) }))
	default:
		select {
		case c.room <- struct{}{}:
		case <-c.ctx.Done():
			c.fail(c.ctx.Err())
			return
		}
		c.works.Go(func() {
			err := errExited
			defer func() {
				<-c.room
				c.fail(err)
			}()
			err = guard(func() error { return work(c.ctx, begin) })
		})
	}
}

// Background runs work that nobody waits for.
func (fx *effects) Background(work func(context.Context, millpond.Effects) error) {
	c, r := fx.call, fx.call.runner
	begin := fx.sub("b")
	begin.call = &call{runner: r, ctx: r.work}
	if fx.over() {
		r.log.Warn("work was not done", "error", errOver)
		return
	}
	if fx.own {
		r.report(guard(func() error { return work(c.ctx, begin) }))
		return
	}
	select {
	case r.background <- struct{}{}:
	case <-c.ctx.Done():
		c.fail(errNoRoom)
		return
	}
	r.behind.Go(func() {
		err := errExited
		defer func() {
			failed, _ := begin.call.finish()
			<-r.background
			r.report(errors.Join(err, failed))
		}()
		err = guard(func() error { return work(r.work, begin) })
	})
}

// sub are the effects of the next work.
func (fx *effects) sub(kind string) *effects {
	fx.mu.Lock()
	defer fx.mu.Unlock()
	sub := &effects{call: fx.call, own: true}
	if fx.scope != "" {
		sub.scope = fmt.Sprintf("%s.%s%d", fx.scope, kind, fx.begun)
	}
	fx.begun++
	return sub
}

// report tells of work in the background that has failed.
func (r *runner) report(err error) {
	if err == nil || r.work.Err() != nil {
		return
	}
	now := time.Now().UTC()
	r.update(func(s *Status) { s.LastError, s.FailedAt = "work in the background: "+public(err), &now })
	r.log.Error("work of a processor in the background has failed", "error", err)
}
