package mirror

import (
	"errors"
	"slices"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/outbox"
)

// ending is the end of an append that is to be written to the outbox.
type ending struct {
	id  uint64
	why *millpond.Error // the server refuses it; nil: it has it, and its events do not come back any more
}

// write writes the end of an append, now or as soon as the storage works.
func (l *loop) write(e ending) {
	l.endings = append(l.endings, e)
	l.writeEndings()
}

// writeEndings writes what could not be written before, in order. While it cannot, the appends look as if they were pending, and
// would be sent again when the mirror is opened again, later than their turn.
func (l *loop) writeEndings() {
	for len(l.endings) > 0 {
		e := l.endings[0]
		var err error
		if e.why != nil {
			err = l.db.outbox.Refused(e.id, e.why)
		} else {
			err = l.db.outbox.Acknowledged(e.id)
		}
		if err != nil && !errors.Is(err, outbox.ErrNotFound) { // not there: its events have come back already
			l.noteOutbox(err)
			l.soon(endingInterval)
			return
		}
		l.endings = l.endings[1:]
		l.outboxChanged()
	}
}

// unwrite forgets an ending: its user has decided otherwise.
func (l *loop) unwrite(id uint64) {
	l.endings = slices.DeleteFunc(l.endings, func(e ending) bool { return e.id == id })
}
