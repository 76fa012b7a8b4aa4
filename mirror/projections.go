package mirror

import (
	"context"

	"github.com/millpond-dev/millpond/mirror/projection"
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
