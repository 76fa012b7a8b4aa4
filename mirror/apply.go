package mirror

import (
	"errors"

	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/session"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// apply writes a batch to the database and tells the machine how it went.
func (l *loop) apply(a *session.Apply) {
	write := l.db.replica.Apply
	if a.Rebuild {
		write = l.db.replica.Rebuild
	}
	waiting := l.waitingEvents()
	position, err := write(a.Name, a.Incarnation, &a.Batch)
	mismatch := err != nil && isMismatch(err)
	if errors.Is(err, sqlite.Full) {
		l.makeRoom(a.Name)
	}
	if err == nil || !mismatch {
		err = l.note(err)
	}
	if err != nil {
		l.input(session.ApplyFailed{Name: a.Name, Mismatch: mismatch, Err: err})
	} else {
		l.input(session.Applied{Name: a.Name, Position: position})
		l.live.Changed("event_rows", "streams", "copies")
		l.collectSoon()
		l.projected()
		l.soon(flushInterval)
		l.settleOutbox()
		if l.waitingEvents() != waiting { // also when only a part of an append has come back
			l.outboxChanged()
		}
		if a.Batch.Live {
			l.askToPersist()
		}
	}
	yield()
}

// isMismatch reports whether a batch does not fit the copy, rather than that the storage failed.
func isMismatch(err error) bool {
	for _, kind := range []error{replica.ErrOtherIncarnation, replica.ErrGap, replica.ErrDiverged, replica.ErrHash, replica.ErrRecord} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
