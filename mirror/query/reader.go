package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Options of a Reader. The zero value works.
type Options struct {
	MaxRows  int // bounds the rows of a result. Default: DefaultMaxRows
	MaxBytes int // bounds what a result takes in memory. Default: DefaultMaxBytes

	// MaxStep bounds how long SQLite may take on the way to the next row, and to compile the statement: a query that takes
	// longer fails with ErrTooSlow. Negative: nothing does. Default: DefaultMaxStep
	MaxStep time.Duration

	// Yield, if any, is called between two steps once 8 ms have passed since a query began or the last call: the browser's
	// event loop has to run. It may wait, and must not use the connection.
	Yield func()

	// Authorize judges what others compile on the connection, while no query is in hand. Default: all is allowed
	Authorize func(sqlite.Access) sqlite.Verdict

	// Now is the clock of MaxStep and Yield. Default: time.Now
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.MaxRows <= 0 {
		o.MaxRows = DefaultMaxRows
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxStep == 0 {
		o.MaxStep = DefaultMaxStep
	}
	if o.Authorize == nil {
		o.Authorize = func(sqlite.Access) sqlite.Verdict { return sqlite.Allow }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Reader runs statements that read. It keeps those used last compiled. It is the only one that may use the connection's
// authorizer and progress hook.
type Reader struct {
	conn    sqlite.Conn
	options Options
	guard   guard
	cache   cache
	version sqlite.Stmt // reads the version of the schema
}

// NewReader makes a Reader on a connection, which others may use between its calls.
func NewReader(conn sqlite.Conn, options Options) (*Reader, error) {
	r := &Reader{conn: conn, options: options.withDefaults()}
	r.guard.others = r.options.Authorize
	if err := conn.OnAuthorize(r.guard.authorize); err != nil {
		return nil, fmt.Errorf("guard the connection: %w", err)
	}
	var err error
	if r.version, _, err = conn.Prepare("PRAGMA schema_version"); err != nil {
		return nil, errors.Join(fmt.Errorf("read the schema: %w", err), conn.OnAuthorize(nil))
	}
	return r, nil
}

// Close closes the statements that the Reader keeps, and lets go of the connection, which stays open. A closed
// Reader must not be used; closing it again does nothing.
func (r *Reader) Close() error {
	if r.conn == nil {
		return nil
	}
	conn := r.conn
	r.conn = nil
	return errors.Join(r.cache.close(), r.version.Close(), conn.OnAuthorize(nil))
}

// Run runs one statement that reads and returns its rows. Parameters are nil, bool, int, int64, float64, string, []byte, or
// [json.RawMessage], which is bound as text; or a single [Named] for a statement that names them.
//
// When ctx ends, the statement is stopped and Run fails with the context's error. Natively that is at once; in a browser
// nothing can end a context while SQLite takes a step, but its deadline.
func (r *Reader) Run(ctx context.Context, sql string, params ...any) (*Result, error) {
	result, _, err := r.run(ctx, 0, sql, params)
	return result, err
}

// Try is [Reader.Run] for a statement that should be quick: when slice has passed and it has not finished, it fails with
// [ErrUnfinished].
func (r *Reader) Try(ctx context.Context, slice time.Duration, sql string, params ...any) (*Result, error) {
	result, _, err := r.run(ctx, slice, sql, params)
	return result, err
}

// Run is [Reader.Run] for a connection that is used for a single query.
func Run(ctx context.Context, conn sqlite.Conn, sql string, params ...any) (*Result, error) {
	r, err := NewReader(conn, Options{})
	if err != nil {
		return nil, err
	}
	result, err := r.Run(ctx, sql, params...)
	if closing := r.Close(); err == nil && closing != nil {
		return nil, closing
	}
	return result, err
}

// run also returns the tables that the statement reads, as far as they are known when it fails. It takes no longer than slice, if
// that is not 0.
func (r *Reader) run(ctx context.Context, slice time.Duration, sql string, params []any) (result *Result, tables map[string]struct{}, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	p := newPace(ctx, slice, r.options)
	r.conn.OnProgress(p.stop)
	defer r.conn.OnProgress(nil)
	s, tables, err := r.statement(sql)
	if err != nil {
		return nil, tables, r.explain(p, err)
	}
	again, err := r.guard.watch(running, func() (err error) {
		if err = Bind(s.stmt, params); err == nil {
			result, err = r.read(s.stmt, p)
		}
		// All are called. The bindings are cleared so that large parameters are not kept with the statement.
		return cmp.Or(err, s.stmt.Reset(), s.stmt.ClearBindings())
	})
	maps.Copy(s.tables, again) // SQLite has compiled it again: the schema has changed
	if err != nil {
		return nil, s.tables, r.explain(p, err)
	}
	return result, s.tables, nil
}

// explain says why a statement has failed in the terms of who asked for it.
func (r *Reader) explain(p *pace, err error) error {
	switch {
	case errors.Is(err, sqlite.Interrupt) && p.sliced:
		return ErrUnfinished
	case errors.Is(err, sqlite.Interrupt) && p.spent:
		return fmt.Errorf("%w: it has run for %v without a row; add an index, or allow more", ErrTooSlow, p.budget)
	case errors.Is(err, sqlite.Interrupt) && p.ctx.Err() != nil:
		return context.Cause(p.ctx)
	case errors.Is(err, sqlite.Interrupt):
		return context.DeadlineExceeded
	case errors.Is(err, sqlite.Denied):
		return refusal(r.guard.denied)
	case err != nil && strings.HasSuffix(err.Error(), "because it is a view"): // SQLite has not asked the guard yet
		return fmt.Errorf("%w: %w", ErrNotReadOnly, err)
	}
	return err
}

// statement returns a compiled statement, from the cache or anew, and the tables that it reads.
func (r *Reader) statement(sql string) (*cached, map[string]struct{}, error) {
	if s := r.cache.get(sql); s != nil {
		return s, s.tables, nil
	}
	var stmt sqlite.Stmt
	tables, err := r.guard.watch(compiling, func() (err error) {
		stmt, err = r.compile(sql)
		return err
	})
	if err != nil {
		return nil, tables, err
	}
	s := &cached{sql, stmt, tables}
	if err := r.cache.put(s); err != nil {
		return nil, tables, err
	}
	return s, tables, nil
}

// schemaVersion is another number after each change of the schema.
func (r *Reader) schemaVersion() (version int64, err error) {
	if r.version.Step() {
		version = r.version.ColumnInt64(0)
	}
	return version, cmp.Or(r.version.Err(), r.version.Reset()) // Reset forgets what Err tells
}

// compile compiles sql, which must be one statement that reads.
func (r *Reader) compile(sql string) (sqlite.Stmt, error) {
	if strings.ContainsRune(sql, 0) {
		return nil, fmt.Errorf("%w: the SQL has a NUL character in it, where SQLite would end it", ErrStatements)
	}
	stmt, tail, err := r.conn.Prepare(sql)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return nil, fmt.Errorf("%w, such as SELECT * FROM log LIMIT 10; there is none", ErrStatements)
	}
	more, _, err := r.conn.Prepare(tail)
	if more != nil {
		err = more.Close()
	}
	switch {
	case errors.Is(err, sqlite.Interrupt): // not the tail's fault
	case more != nil || err != nil:
		err = fmt.Errorf("%w; after the first there is more: %s", ErrStatements, excerpt(tail))
	case !stmt.ReadOnly() || stmt.ColumnCount() == 0: // without columns: REINDEX and the like
		err = refusal(sqlite.Access{})
	}
	if err != nil {
		return nil, errors.Join(err, stmt.Close())
	}
	return stmt, nil
}

// read steps through the rows of a statement.
func (r *Reader) read(stmt sqlite.Stmt, p *pace) (*Result, error) {
	result := &Result{Rows: [][]any{}}
	size := 0
	for p.step() && stmt.Step() {
		if result.Columns == nil {
			result.Columns = columns(stmt)
		}
		if len(result.Rows) == r.options.MaxRows {
			return nil, fmt.Errorf("%w: more than %d rows; use LIMIT", ErrTooLarge, r.options.MaxRows)
		}
		row, bytes := readRow(stmt, len(result.Columns))
		if size += bytes; size > r.options.MaxBytes {
			return nil, fmt.Errorf("%w: more than %d bytes in %d rows; use LIMIT, or select fewer columns", ErrTooLarge,
				r.options.MaxBytes, len(result.Rows)+1)
		}
		result.Rows = append(result.Rows, row)
	}
	if p.sliced {
		return nil, ErrUnfinished
	}
	if result.Columns == nil { // after Step: a changed schema may have given the statement other columns
		result.Columns = columns(stmt)
	}
	return result, stmt.Err()
}

func columns(stmt sqlite.Stmt) []string {
	names := make([]string, stmt.ColumnCount())
	for i := range names {
		names[i] = stmt.ColumnName(i)
	}
	return names
}

func readRow(stmt sqlite.Stmt, width int) (row []any, size int) {
	row = make([]any, width)
	for i := range row {
		switch stmt.ColumnType(i) {
		case sqlite.Integer:
			row[i] = stmt.ColumnInt64(i)
		case sqlite.Float:
			row[i] = stmt.ColumnFloat(i)
		case sqlite.Text:
			text := stmt.ColumnText(i)
			row[i], size = text, size+len(text)
		case sqlite.Blob:
			blob := stmt.ColumnBlob(i)
			row[i], size = blob, size+len(blob)
		}
	}
	return row, size + width*cellBytes
}

// excerpt is the beginning of a text.
func excerpt(s string) string {
	const most = 40
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
