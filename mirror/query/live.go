package query

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Live is a set of statements whose results somebody watches. What was written is told to it with Changed; Flush then
// runs again what reads a written table, and tells those who watch when the result differs. When to flush is the
// caller's choice: many changes before a flush cost one run.
type Live struct {
	reader  *Reader
	watches []*watch
	queue   []*watch // those that are dirty, the longest waiting first
	touched bool     // Changed was called since the schema was last looked at
	schema  int64    // the version of the schema then

	slice   time.Duration
	offload func(ctx context.Context, work Work) bool // may be nil
}

// Work is to be run with a reader of a connection of its own, or with why there is none, on any goroutine; ctx ends it. What it
// returns is to be called after it, on the goroutine of who gave it.
type Work func(ctx context.Context, r *Reader, err error) (finish func())

// watch is one statement of a Live set.
type watch struct {
	ctx    context.Context // ends it
	sql    string
	params []any
	within func(run func() error) error // what a run is in; may be nil
	also   []string                     // tables that decide its result, besides those that it reads
	notify func(*Result, error)
	tables map[string]struct{} // that it has read
	dirty  bool                // it is in the queue, or will be when it is back
	away   bool                // it runs elsewhere
	told   bool                // notify was called, with result or err
	result *Result
	err    error
}

// NewLive makes an empty set that runs its statements on reader.
func NewLive(reader *Reader) *Live { return &Live{reader: reader, touched: true} }

// Offload has a statement that has not finished after slice begin again elsewhere: offload gets it run, or answers false when it
// cannot, and it goes on here to its end. ctx ends when nobody watches any more. What work returns is to be called on the set's
// goroutine.
func (l *Live) Offload(slice time.Duration, offload func(ctx context.Context, work Work) bool) {
	l.slice, l.offload = slice, offload
}

// Add watches the result of a statement. The next Flush runs it, and calls notify with the first result, or with the error
// of the statement; after that, notify is called when another one comes out. It must be quick; it may call Add, Changed
// and remove, and not Flush. After remove it is not called again, and the statement is not run. When ctx ends, a run is stopped
// and notify is not called any more; remove it then.
func (l *Live) Add(ctx context.Context, sql string, params []any, notify func(*Result, error)) (remove func()) {
	return l.add(&watch{ctx: ctx, sql: sql, params: cloneParams(params), notify: notify})
}

// AddWithin is Add for a statement whose runs are each within something else, such as a transaction that shows it other rows:
// within calls run. The statement also runs again when one of the tables given is written, and never elsewhere.
func (l *Live) AddWithin(ctx context.Context, within func(run func() error) error, tables []string, sql string, params []any,
	notify func(*Result, error)) (remove func()) {
	return l.add(&watch{ctx: ctx, sql: sql, params: cloneParams(params), within: within, also: tables, notify: notify})
}

func (l *Live) add(w *watch) (remove func()) {
	l.watches = append(l.watches, w)
	l.mark(w)
	return func() {
		is := func(other *watch) bool { return other == w }
		l.watches = slices.DeleteFunc(l.watches, is)
		l.queue = slices.DeleteFunc(l.queue, is)
	}
}

// Rebase has all statements run on another reader from now on, of another database: the next Flush runs them all.
func (l *Live) Rebase(reader *Reader) {
	l.reader = reader
	l.touched = true
	for _, w := range l.watches {
		l.mark(w)
	}
}

// Len is how many statements are watched.
func (l *Live) Len() int { return len(l.watches) }

// Changed says that the tables were written. Call it after the transaction. Without any, it says that something may have
// happened that no update hook sees, such as a change of the schema. A statement that was too slow waits for one of those,
// such as an index: it would be too slow each time.
func (l *Live) Changed(tables ...string) {
	l.touched = true
	for _, w := range l.watches {
		if errors.Is(w.err, ErrTooSlow) {
			continue
		}
		for _, table := range tables {
			if _, reads := w.tables[table]; reads {
				l.mark(w)
			}
		}
	}
}

func (l *Live) mark(w *watch) {
	if w.dirty {
		return
	}
	w.dirty = true
	if !w.away {
		l.queue = append(l.queue, w)
	}
}

// Dirty reports whether Flush has something to do.
func (l *Live) Dirty() bool { return len(l.queue) > 0 || l.touched && len(l.watches) > 0 }

// Flush runs every statement that is dirty. When ctx ends it stops and returns the context's error: what did not run stays
// dirty. A statement's own error is told to who watches it and is no error of Flush.
func (l *Live) Flush(ctx context.Context) error {
	for l.Dirty() {
		if err := l.Step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Step runs one dirty statement, the one that waits for longest: Flush in pieces, for who must look at other work in
// between. See [Live.Dirty].
func (l *Live) Step(ctx context.Context) error {
	if err := l.checkSchema(); err != nil {
		return err
	}
	if len(l.queue) == 0 {
		return nil
	}
	w := l.queue[0]
	if w.ctx.Err() != nil { // it is about to be removed
		l.take(w)
		return nil
	}
	result, tables, err := l.try(ctx, w)
	if err != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
		return err
	}
	l.take(w)
	w.tables = tables
	if errors.Is(err, ErrUnfinished) {
		w.away = true
		return nil
	}
	w.tell(result, err)
	return nil
}

// take takes the first of the queue out of it.
func (l *Live) take(w *watch) {
	l.queue = slices.Delete(l.queue, 0, 1)
	w.dirty = false
}

// try runs a statement, here or elsewhere. ErrUnfinished says that it is away.
func (l *Live) try(ctx context.Context, w *watch) (*Result, map[string]struct{}, error) {
	ctx = either{ctx, w.ctx}
	if w.within != nil {
		return l.tryWithin(ctx, w)
	}
	if l.offload == nil {
		return l.reader.run(ctx, 0, w.sql, w.params)
	}
	result, tables, err := l.reader.run(ctx, l.slice, w.sql, w.params)
	if errors.Is(err, ErrUnfinished) && !l.offload(w.ctx, l.awayWork(w)) {
		return l.reader.run(ctx, 0, w.sql, w.params)
	}
	return result, tables, err
}

// tryWithin runs a statement within what it asks for.
func (l *Live) tryWithin(ctx context.Context, w *watch) (result *Result, tables map[string]struct{}, err error) {
	err = w.within(func() (err error) {
		result, tables, err = l.reader.run(ctx, 0, w.sql, w.params)
		return err
	})
	decisive := make(map[string]struct{}, len(tables)+len(w.also)) // the others are kept with the statement
	maps.Copy(decisive, tables)
	for _, table := range w.also {
		decisive[table] = struct{}{}
	}
	return result, decisive, err
}

// either is a context that ends with another one, too: at once, where a goroutine that passes it on would have to wait for a
// statement in a browser. Only Err tells of it.
type either struct {
	context.Context
	other context.Context
}

func (e either) Err() error { return cmp.Or(e.Context.Err(), e.other.Err()) }

// awayWork runs a statement elsewhere. What is written meanwhile makes it dirty, as ever.
func (l *Live) awayWork(w *watch) Work {
	return func(ctx context.Context, r *Reader, err error) func() {
		var result *Result
		var tables map[string]struct{}
		if err == nil {
			result, tables, err = r.run(ctx, 0, w.sql, w.params)
		}
		return func() {
			if !slices.Contains(l.watches, w) {
				return // removed meanwhile
			}
			w.away = false
			if tables != nil {
				w.tables = tables
			}
			w.dirty = w.dirty || err != nil && ctx.Err() != nil // it was stopped, and nobody knows what it answers
			if w.dirty {
				l.queue = append(l.queue, w)
			}
			if err == nil || ctx.Err() == nil {
				w.tell(result, err)
			}
		}
	}
}

// tell notifies of a result that is another one than the last.
func (w *watch) tell(result *Result, err error) {
	if w.ctx.Err() != nil || w.told && same(err, w.err) && result.Equal(w.result) && planted != "notify on equal" {
		return
	}
	w.told, w.result, w.err = true, result, err
	w.notify(result, err)
}

// checkSchema makes all statements dirty when the schema has changed: they may read other tables now, and one that named
// a missing table may work.
func (l *Live) checkSchema() error {
	if !l.touched || len(l.watches) == 0 {
		return nil
	}
	version, err := l.reader.schemaVersion()
	if err != nil {
		return err
	}
	l.touched = false
	if version != l.schema {
		l.schema = version
		for _, w := range l.watches {
			l.mark(w)
		}
	}
	return nil
}

func same(a, b error) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Error() == b.Error()
}

// cloneParams copies the parameters, so that their owner may go on with them.
func cloneParams(params []any) []any {
	list := slices.Clone(params)
	for i, value := range list {
		switch v := value.(type) {
		case []byte:
			list[i] = bytes.Clone(v)
		case Named:
			named := Named{}
			for name, value := range v {
				named[name] = cloneParams([]any{value})[0]
			}
			list[i] = named
		}
	}
	return list
}
