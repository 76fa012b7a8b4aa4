package mirror

import (
	"errors"
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/session"
)

// health is what a loop knows of its storage.
type health struct {
	sick     *StorageProblem // the database is to be replaced, as soon as nothing is done with it
	trouble  *StorageProblem // why the last write failed; nil since one succeeded
	failures int             // in a row, for reasons that opening the files again may cure
	replaced []time.Time     // when the database was, within replaceWindow
	gaveUp   *StorageProblem // an old copy was, for want of room
	lost     int             // events of appends that could not be saved
	checking bool            // a check is out

	space                  *Space // as it was measured last
	asking, asked, granted bool   // for persistence: asked says that there is an answer
}

// note takes what the storage has said, to anybody: nil says that a write has succeeded. It returns the error as its
// caller is to see it.
func (l *loop) note(err error) error {
	h := &l.health
	p := problemOfStorage(err)
	switch {
	case err == nil:
		h.failures = 0
		l.setTrouble(nil)
		return nil
	case p == nil:
		return err
	case p.isMade():
		h.sick = p
	case p.Code == CodeStorageFailed:
		if h.failures++; h.failures >= maxStorageFailures {
			h.sick = p
		}
		fallthrough
	default:
		l.setTrouble(p)
	}
	return &storageError{p, err}
}

// noteError is note for what says nothing about writing when it succeeds.
func (l *loop) noteError(err error) error {
	if err == nil {
		return nil
	}
	return l.note(err)
}

func (l *loop) setTrouble(p *StorageProblem) {
	if !p.equal(l.health.trouble) {
		l.health.trouble = p
		l.stale = true
		l.soon(flushInterval)
	}
}

// healIfSick replaces a database that has failed. The loop calls it when no statement runs and no effect waits.
func (l *loop) healIfSick() {
	for l.health.sick != nil && l.mirror.ctx.Err() == nil {
		why := l.health.sick
		l.health.sick, l.health.trouble, l.health.gaveUp, l.health.failures = nil, nil, nil, 0
		l.replaceDatabase(why)
	}
}

// replaceDatabase takes another database: the same files opened again, files made anew, or memory, whichever of them works first.
// What waits in the outbox goes over, as far as it can be read.
func (l *loop) replaceDatabase(why *StorageProblem) {
	log := l.mirror.options.Logger
	log.Error("the storage has failed", "problem", why.text())
	if l.db.check != nil && why.Code == CodeStorageCorrupt {
		if _, err := l.db.check(); err != nil { // what is there now is another file, and may be somebody's
			why = &StorageProblem{CodeStorageLost, err.Error(), Refill}
		}
	}
	known := l.db.outbox.Sizes()
	rows, err := outbox.Salvage(l.db.conn)
	if err != nil {
		log.Warn("not all appends that wait could be read", "error", err)
	}
	rows = rows.With(l.rowsInMemory())
	l.stopBeside()
	if why.Code == CodeStorageLost && l.db.lose != nil {
		l.db.lose()
	}
	if err := l.db.close(); err != nil {
		log.Warn("the storage that has failed does not close cleanly", "error", err)
	}
	db, err := l.openAgain(why, rows)
	if err != nil { // not even memory
		log.Error("the mirror closes: there is nowhere to put a database", "error", err)
		l.db = nil
		l.mirror.cancel()
		return
	}
	l.takeOver(db, known)
}

// takeOver goes on with another database. known is how many rows each append had in the one before.
func (l *loop) takeOver(db *database, known map[uint64]int) {
	l.db = db
	l.measured(nil)
	l.inspect.Reset(0)
	l.live.Rebase(db.reader)
	l.pending = nil
	l.projected()
	l.afterReplacement(known)
}

// openAgain opens what there is, or makes it anew, or goes to memory: also when that has happened too often lately.
func (l *loop) openAgain(why *StorageProblem, rows outbox.Rows) (db *database, err error) {
	ctx, o, h := l.mirror.ctx, l.mirror.options, &l.health
	now := time.Now()
	recent := h.replaced[:0]
	for _, at := range h.replaced {
		if now.Sub(at) < replaceWindow {
			recent = append(recent, at)
		}
	}
	h.replaced = append(recent, now)
	if len(h.replaced) > maxReplacements {
		err = fmt.Errorf("the storage has failed %d times within %v: %s", len(h.replaced), replaceWindow, why.Message)
	} else if db, err = openFiles(l, why, rows); err == nil {
		return db, nil
	} else if ctx.Err() != nil {
		err = ctx.Err()
	}
	s, failed := openMemory(inMemory(err))
	if failed != nil {
		return nil, errors.Join(err, failed)
	}
	db, failed = newDatabase(s, o)
	if failed != nil {
		return nil, errors.Join(err, failed, s.close())
	}
	if failed = db.outbox.Restore(rows); failed != nil {
		return nil, errors.Join(err, failed, db.close())
	}
	return db, nil
}

// openFiles opens the files again, and makes them anew where they are damaged.
func openFiles(l *loop, why *StorageProblem, rows outbox.Rows) (*database, error) {
	ctx, o := l.mirror.ctx, l.mirror.options
	if why.Code == CodeStorageCorrupt { // opening it does not read all of it, and may succeed
		return makeDatabase(ctx, o, why, rows)
	}
	id := l.db.replica.ID()
	db, err := tryDatabase(ctx, o)
	if err != nil {
		if p := problemOfStorage(err); replaceable(p, err) {
			return makeDatabase(ctx, o, p, rows)
		}
		return nil, err
	}
	if db.replica.ID() != id && db.problem == nil {
		db.problem = why.madeAnew()
	}
	if err := db.outbox.Restore(rows); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

// rowsInMemory are the rows of the appends that are on their way to the server.
func (l *loop) rowsInMemory() (rows outbox.Rows) {
	for id, name := range l.sending {
		rows = rows.WithAppend(id, name, l.machine.Append(id))
	}
	return rows
}

// afterReplacement has all else follow another database. known is how many rows each append had.
func (l *loop) afterReplacement(known map[uint64]int) {
	for name := range l.streams {
		position, err := l.resumeAt(name)
		if err != nil {
			l.note(err)
			position = millpond.Position{}
		}
		l.step(session.Moved{Name: name, Position: position})
	}
	kept := l.db.outbox.Sizes()
	for id, rows := range known {
		lost := rows - kept[id]
		if lost <= 0 {
			continue
		}
		l.health.lost += lost
		delete(l.acked, id)
		l.cancel(id)
		if lost < rows {
			l.note(l.db.outbox.Refused(id, errPartLost(lost)))
			l.end(id, nil, errPartLost(lost))
		} else {
			l.end(id, nil, errAppendLost)
		}
	}
	l.live.Changed()
	l.projected()
	l.collectSoon()
	l.outboxChanged()
	l.feed()
}

// checkStorage asks whether the files are where they were, and how much room there is: site data that is cleared, or a file that is
// deleted, goes unnoticed by those who have it open, and what they write goes nowhere.
func (l *loop) checkStorage() {
	l.inspect.Reset(checkInterval)
	check := l.db.check
	if check == nil || l.health.checking {
		return
	}
	l.health.checking = true
	db := l.db
	l.asking.Go(func() {
		space, err := check()
		l.mirror.chores.add(func(l *loop) {
			l.health.checking = false
			if l.db != db {
				return
			}
			l.measured(space)
			l.noteError(err)
		})
	})
}
