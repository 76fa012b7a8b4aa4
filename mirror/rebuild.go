package mirror

import (
	"github.com/millpond-dev/millpond"
)

// resumeAt is where the subscription of a stream goes on: after the copy that is being built, if one is.
func (l *loop) resumeAt(name millpond.Name) (millpond.Position, error) {
	if next, _, ok, err := l.db.replica.Next(name); ok || err != nil {
		return next, err
	}
	return l.db.replica.Position(name)
}

// makeRoom gives up the copy that is seen for the one that is being built, when there is no room for both.
func (l *loop) makeRoom(name millpond.Name) {
	if _, _, building, err := l.db.replica.Next(name); err != nil || !building {
		return
	}
	if err := l.db.replica.Promote(name); err != nil {
		l.mirror.options.Logger.Warn("the old copy cannot be given up for the new one", "stream", name.String(), "error", err)
		return
	}
	for l.db.replica.Garbage() {
		if err := l.db.replica.Collect(); err != nil {
			break // collect tries again
		}
	}
	l.health.gaveUp = &StorageProblem{CodeStorageFull,
		"there was no room for two copies of " + name.String() + ": the new one is shown before it is complete", FreeSpace}
	l.mirror.options.Logger.Warn("mirror storage", "error", l.health.gaveUp.text())
	l.live.Changed("event_rows", "streams", "copies")
	l.projected()
	l.settleOutbox()
}

// collectSoon has the rows deleted of copies that nobody sees any more.
func (l *loop) collectSoon() {
	if l.db.replica.Garbage() && !l.collecting {
		l.collecting = true
		l.collect.Reset(0)
	}
}

// collectSome deletes some of them. What else waits for the loop comes in between.
func (l *loop) collectSome() {
	l.collecting = false
	if err := l.noteError(l.db.replica.Collect()); err != nil {
		l.collecting = true
		l.collect.Reset(buildRetry)
		return
	}
	yield()
	l.collectSoon()
}

// rebuildStatus adds to a stream's status what is known of a copy that is being built.
func (l *loop) rebuildStatus(s *StreamStatus) {
	next, target, building, err := l.db.replica.Next(s.Name)
	if err != nil { // it is told by whoever writes
		return
	}
	s.Stale = s.State == Rebuilding
	if !building {
		return
	}
	if seen, err := l.db.replica.Position(s.Name); err == nil {
		s.Position = seen
	}
	s.Stale = true
	s.Rebuild = &Rebuild{Offset: next.Offset, Target: target}
	if s.State == Subscribed {
		s.State = Rebuilding
	}
}
