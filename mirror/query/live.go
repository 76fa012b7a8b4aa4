package query

import (
	"bytes"
	"context"
	"errors"
	"slices"
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
}

// watch is one statement of a Live set.
type watch struct {
	sql    string
	params []any
	notify func(*Result, error)
	tables map[string]struct{} // that it has read
	dirty  bool                // it is in the queue
	told   bool                // notify was called, with result or err
	result *Result
	err    error
}

// NewLive makes an empty set that runs its statements on reader.
func NewLive(reader *Reader) *Live { return &Live{reader: reader, touched: true} }

// Add watches the result of a statement. The next Flush runs it, and calls notify with the first result, or with the error
// of the statement; after that, notify is called when another one comes out. It must be quick; it may call Add, Changed
// and remove, and not Flush. After remove it is not called again, and the statement is not run.
func (l *Live) Add(sql string, params []any, notify func(*Result, error)) (remove func()) {
	w := &watch{sql: sql, params: cloneParams(params), notify: notify}
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
	if !w.dirty {
		w.dirty = true
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
	result, tables, err := l.reader.run(ctx, w.sql, w.params)
	if err != nil && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)) {
		return err
	}
	l.queue = slices.Delete(l.queue, 0, 1)
	w.dirty, w.tables = false, tables
	if w.told && same(err, w.err) && result.Equal(w.result) {
		return nil
	}
	w.told, w.result, w.err = true, result, err
	w.notify(result, err)
	return nil
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
