package mirror

import (
	"context"
	"sync"
	"time"

	"github.com/millpond-dev/millpond/mirror/query"
)

// Live runs the statement now, and again each time a table that it reads was written; fn is called with the first result
// or error, and with each that differs from the one before. Changes within 16 ms cost one run. After stop returns no
// call of fn begins; stop may be called from fn.
func (m *Mirror) Live(sql string, params []any, fn func(*query.Result, error)) (stop func()) {
	return m.watch(func(ctx context.Context, l *loop, notify func(*query.Result, error)) (remove func()) {
		return l.live.Add(ctx, sql, params, notify)
	}, fn)
}

// LiveOptimistic is Live on what [Mirror.QueryOptimistic] sees.
func (m *Mirror) LiveOptimistic(sql string, params []any, fn func(*query.Result, error)) (stop func()) {
	return m.watch(func(ctx context.Context, l *loop, notify func(*query.Result, error)) (remove func()) {
		return l.live.AddWithin(ctx, l.optimistic, []string{"outbox"}, sql, params, notify)
	}, fn)
}

func (m *Mirror) watch(add func(context.Context, *loop, func(*query.Result, error)) func(), fn func(*query.Result, error)) (stop func()) {
	ctx, cancel := context.WithCancel(m.ctx)
	var remove func() // of the loop
	err := m.do(context.Background(), func(l *loop) {
		remove = add(ctx, l, func(result *query.Result, err error) { fn(result, l.noteError(err)) })
		l.soon(0)
	})
	if err != nil {
		cancel()
		fn(nil, err)
		return func() {}
	}
	return sync.OnceFunc(func() {
		cancel()
		m.chores.add(func(*loop) { remove() })
	})
}

// soon has live queries and status looked at after a delay, if they are not to be anyhow.
func (l *loop) soon(delay time.Duration) {
	if !l.framing {
		l.framing = true
		l.frame.Reset(delay)
	}
}

// runFrame publishes the status and runs one of the live queries that have something to tell. Others follow after what
// else waits for the loop: a frame is as many runs as there are queries, and another begins flushInterval later.
func (l *loop) runFrame() {
	l.framing = false
	l.writeEndings()
	l.publish()
	if !l.live.Dirty() {
		l.runs = 0
		return
	}
	if l.runs <= 0 {
		l.runs = l.live.Len()
	}
	l.runs--
	if err := l.noteError(l.live.Step(l.mirror.ctx)); err != nil && l.mirror.ctx.Err() == nil {
		l.mirror.options.Logger.Error("live queries cannot run", "error", err)
		l.runs = 0
	}
	yield()
	switch {
	case !l.live.Dirty():
		l.runs = 0
	case l.runs > 0:
		l.soon(0)
	default:
		l.soon(flushInterval)
	}
}
