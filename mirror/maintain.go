package mirror

import (
	"context"
	"fmt"
	"io"

	"github.com/millpond-dev/millpond"
)

// CodeAppendsPending is what Clear fails with when it would take appends along that the server may not have.
const CodeAppendsPending millpond.ErrorCode = "appends_pending"

// ClearOptions are options of Clear. The zero value works.
type ClearOptions struct {
	// DropAppends has the appends go, too, that the server may not have yet: nobody has them then.
	DropAppends bool
}

// Export writes a copy of the whole database to w, as an SQLite file that any program can open: what is committed now, all of it. The
// mirror does nothing else meanwhile, so that nothing changes on the way. It fails with the error of w, and when ctx ends between two
// writes; w is not used any more once it has returned.
func (m *Mirror) Export(ctx context.Context, w io.Writer) (err error) {
	failed := m.do(context.WithoutCancel(ctx), func(l *loop) { err = l.noteError(l.db.conn.Backup(&untilDone{ctx, w})) })
	if failed != nil {
		return failed
	}
	if err != nil {
		return fmt.Errorf("export the database: %w", err)
	}
	return nil
}

// untilDone writes until a context has ended.
type untilDone struct {
	ctx context.Context
	w   io.Writer
}

func (u *untilDone) Write(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.w.Write(p)
}

// Clear deletes the database, and begins another one, which is filled again with the streams that are open. It fails with
// [CodeAppendsPending], and deletes nothing, while appends wait that the server may not have, unless they may be dropped.
func (m *Mirror) Clear(ctx context.Context, options ClearOptions) error {
	var err error
	if failed := m.do(context.WithoutCancel(ctx), func(l *loop) { err = l.clear(options) }); failed != nil {
		return failed
	}
	return err
}

func (l *loop) clear(options ClearOptions) error {
	if _, err := l.db.outbox.Counts(); err != nil { // so that all that wait are known
		return l.note(err)
	}
	waiting := l.db.outbox.Sizes()
	if len(waiting) > 0 && !options.DropAppends {
		return &millpond.Error{Code: CodeAppendsPending,
			Message: fmt.Sprintf("%d appends wait for the server, and would be lost: wait until it has them, or have them dropped", len(waiting))}
	}
	for id := range waiting {
		if err := l.dropAppend(id); err != nil {
			return l.note(err)
		}
	}
	l.stopBeside()
	kind := l.db.kind
	if err := l.db.close(); err != nil {
		l.mirror.options.Logger.Warn("the database that is deleted does not close cleanly", "error", err)
	}
	var err error
	if kind != StorageMemory {
		err = l.mirror.options.place.remove(l.mirror.ctx)
	}
	replaced := l.health.replaced
	l.health.replaced = nil // this is none of those
	db, failed := l.openAgain(&StorageProblem{Code: CodeStorageLost, Action: Refill}, nil)
	l.health.replaced = replaced
	if failed != nil {
		l.db = nil
		l.mirror.cancel()
		return failed
	}
	if err == nil {
		db.problem = nil // it is another one because that was asked for
	}
	l.takeOver(db, nil)
	if err != nil {
		return fmt.Errorf("delete the database: %w", err)
	}
	return nil
}
