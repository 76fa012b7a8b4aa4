package mirror

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// beside are the queries that run on connections of their own, so that batches and other queries do not wait for them: in the
// browser by turns with the loop, elsewhere at the same time.
type beside struct {
	running map[*besideRun]struct{}
	waiting []besideWait // there are maxBeside of the others; in the order they came
	wg      sync.WaitGroup
}

// besideWait is a query that waits until it may run.
type besideWait struct {
	ctx  context.Context
	work query.Work
}

// besideRun is a query that runs.
type besideRun struct{ stop context.CancelCauseFunc }

// errReplaced is told of a query whose database has gone away under it.
var errReplaced error = &millpond.Error{Code: millpond.Unavailable, Message: "the database was replaced while the query ran: ask again"}

// errOvertaken is told of a query that took so long that its snapshot could not be kept.
var errOvertaken error = &millpond.Error{Code: millpond.Unavailable,
	Message: "the query has run for so long that the database was written over what it reads: ask again, or for less"}

// query runs a statement, here if it is quick, and answers once, on the loop.
func (l *loop) query(ctx context.Context, sql string, params []any, answer func(*query.Result, error)) {
	slice := querySlice
	if l.db.beside == nil {
		slice = 0
	}
	result, err := l.db.reader.Try(ctx, slice, sql, params...)
	if errors.Is(err, query.ErrUnfinished) {
		if l.runBeside(ctx, besideWork(sql, params, func(result *query.Result, err error) { answer(result, l.noteError(err)) })) {
			return
		}
		result, err = l.db.reader.Run(ctx, sql, params...)
	}
	answer(result, l.noteError(err))
}

func besideWork(sql string, params []any, answer func(*query.Result, error)) query.Work {
	return func(ctx context.Context, r *query.Reader, err error) func() {
		var result *query.Result
		if err == nil {
			result, err = r.Run(ctx, sql, params...)
		}
		if errors.Is(err, sqlite.Abort) {
			err = errOvertaken
		}
		return func() { answer(result, err) }
	}
}

// runBeside has work run beside the loop, now or after others. It answers false when the storage has no connection for it.
func (l *loop) runBeside(ctx context.Context, work query.Work) bool {
	if l.db.beside == nil {
		return false
	}
	if len(l.beside.running) < maxBeside {
		return l.startBeside(ctx, work) == nil
	}
	ended := func(w besideWait) bool { return w.ctx.Err() != nil } // nobody waits for it any more
	l.beside.waiting = append(slices.DeleteFunc(l.beside.waiting, ended), besideWait{ctx, work})
	return true
}

func (l *loop) startBeside(ctx context.Context, work query.Work) error {
	if l.db.beside == nil { // it is another database than that of which it was asked
		return errReplaced
	}
	conn, leave, err := l.db.beside()
	if err != nil {
		l.mirror.options.Logger.Warn("a long query has no connection of its own", "error", err)
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	run := &besideRun{stop}
	l.beside.running[run] = struct{}{}
	l.beside.wg.Go(func() {
		finish := runOn(ctx, conn, queryOptions(l.mirror.options), work)
		l.mirror.chores.add(func(l *loop) {
			leave()
			delete(l.beside.running, run)
			finish()
			stop(nil)
			l.soon(0)
			l.startWaiting()
		})
	})
	return nil
}

// startWaiting starts the queries that wait for longest.
func (l *loop) startWaiting() {
	for len(l.beside.waiting) > 0 && len(l.beside.running) < maxBeside {
		next := l.beside.waiting[0]
		l.beside.waiting = l.beside.waiting[1:]
		if next.ctx.Err() != nil {
			continue
		}
		if err := l.startBeside(next.ctx, next.work); err != nil {
			next.work(next.ctx, nil, err)()
		}
	}
}

// stopBeside ends what runs beside the loop, before the database is closed.
func (l *loop) stopBeside() {
	for run := range l.beside.running {
		run.stop(errReplaced)
	}
	l.beside.wg.Wait()
}

// runOn runs work with a reader on a connection, and closes both.
func runOn(ctx context.Context, conn sqlite.Conn, options query.Options, work query.Work) (finish func()) {
	r, err := query.NewReader(conn, options)
	if err != nil {
		finish = work(ctx, nil, err)
	} else {
		finish = work(ctx, r, nil)
		r.Close() // it has nothing to lose
	}
	conn.Close()
	return finish
}
