package mirror

import (
	"context"
	"fmt"

	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/query"
)

// RetryProjection lets a projection that has failed go on from where it has stopped. It fails with [projection.ErrNotFound] when
// there is none of that name.
func (m *Mirror) RetryProjection(ctx context.Context, name string) error {
	return m.change(ctx, func(l *loop) error {
		err := l.db.projections.Retry(name)
		l.projected()
		return err
	})
}

// projected does what follows when projections may have changed.
func (l *loop) projected() {
	l.live.Changed(l.db.projections.Changed()...)
	l.stale = true
	l.soon(flushInterval)
	if l.db.projections.Behind() {
		l.build.Reset(0)
	}
}

// buildProjections does a piece of what projections are behind. Between two pieces comes what else waits for the loop.
func (l *loop) buildProjections() {
	err := l.db.projections.Step()
	err = l.note(err)
	l.projected()
	if err != nil {
		l.build.Reset(buildRetry)
	}
	yield()
}

// queryOptimistic runs a query on the tables as they would be with what waits in the outbox.
func (l *loop) queryOptimistic(ctx context.Context, sql string, params []any, tell func(*query.Result, error)) {
	var result *query.Result
	err := l.optimistic(func() (err error) {
		result, err = l.db.reader.Run(ctx, sql, params...)
		return err
	})
	tell(result, l.noteError(err))
}

// optimistic runs fn on the tables as they would be with what waits in the outbox.
func (l *loop) optimistic(fn func() error) error {
	if err := l.readPending(); err != nil {
		return err
	}
	return l.db.projections.WithPending(l.pending, fn)
}

// readPending reads what waits, unless that is known.
func (l *loop) readPending() error {
	counts, err := l.db.outbox.Counts()
	if err != nil || counts.Pending == 0 || l.pending != nil {
		return err
	}
	appends, err := l.db.outbox.Next(0, outbox.MaxEvents, outbox.MaxBytes)
	if err != nil {
		return err
	}
	l.pending = make([]projection.Pending, len(appends))
	for i := range appends {
		a := &appends[i]
		if l.pending[i], err = projection.PendingOf(a.Name, a.Events, a.CreatedAt); err != nil {
			l.pending = nil
			return fmt.Errorf("append %d: %w", a.ID, err)
		}
	}
	return nil
}

func (l *loop) projectionStatus() []projection.Status {
	list, err := l.db.projections.Status()
	if err != nil { // when it fails, all that matters has failed and said so
		return nil
	}
	return list
}

// logProjections logs when one has failed.
func (l *loop) logProjections(old, now *Status) {
	for i, p := range now.Projections {
		if p.Problem != nil && (i >= len(old.Projections) || !p.Equal(old.Projections[i])) {
			l.mirror.options.Logger.Error("projection failed", "projection", p.Name, "stream", p.Problem.Name.String(),
				"offset", p.Problem.Offset, "error", p.Problem.Message)
		}
	}
}

// waitingEvents is how many events the server may not have yet.
func (l *loop) waitingEvents() int {
	counts, err := l.db.outbox.Counts()
	if err != nil {
		return -1
	}
	return counts.Pending
}
