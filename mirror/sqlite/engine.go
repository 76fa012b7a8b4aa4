//go:build !js || gosqlite

package sqlite

import (
	"context"
	"errors"
	"io"

	"github.com/ncruces/go-sqlite3"
)

// engine is a Conn on go-sqlite3.
type engine struct {
	gate
	conn       *sqlite3.Conn
	progress   func() (stop bool) // may be nil
	unregister func()             // the file layer, once it is of no use; may be nil
}

var _ Conn = (*engine)(nil)

// open opens the database at path, in a file layer if there is one.
func open(path string, files Files) (_ Conn, err error) {
	e := new(engine)
	if files != nil {
		path, e.unregister = register(path, files)
	}
	defer func() {
		if err != nil && e.unregister != nil {
			e.unregister()
		}
	}()
	defer caughtNoMem(&err)
	if e.conn, err = sqlite3.Open(path); err != nil {
		return nil, engineError(err)
	}
	if err := removeExtras(e.conn); err != nil {
		return nil, errors.Join(engineError(err), e.conn.Close())
	}
	e.conn.SetInterrupt(progress{context.Background(), e})
	return e, nil
}

func (e *engine) Prepare(sql string) (_ Stmt, tail string, err error) {
	if err := e.check(); err != nil {
		return nil, "", err
	}
	s, tail, err := e.prepare(sql)
	if err = e.fail(err); err != nil {
		s.Close()
		return nil, "", err
	}
	if s == nil {
		return nil, tail, nil
	}
	return &statement{Stmt: s, engine: e}, tail, nil
}

func (e *engine) prepare(sql string) (s *sqlite3.Stmt, tail string, err error) {
	defer caughtNoMem(&err)
	s, tail, err = e.conn.Prepare(sql)
	return s, tail, engineError(err)
}

func (e *engine) Exec(sql string) error {
	if err := e.check(); err != nil {
		return err
	}
	return e.fail(e.exec(sql))
}

func (e *engine) exec(sql string) (err error) {
	defer caughtNoMem(&err)
	return engineError(e.conn.Exec(sql))
}

func (e *engine) Changes() int64 {
	if e.closed {
		return 0
	}
	return e.conn.Changes()
}

func (e *engine) LastInsertRowID() int64 {
	if e.closed {
		return 0
	}
	return e.conn.LastInsertRowID()
}

func (e *engine) InTransaction() bool { return !e.closed && !e.conn.GetAutocommit() }

// Backup writes a copy of the main database.
func (e *engine) Backup(w io.Writer) error {
	if err := e.check(); err != nil {
		return err
	}
	if e.InTransaction() {
		return errInTransaction
	}
	return e.backup(&plainHeader{to: w})
}

func (e *engine) Close() error {
	if e.closed {
		return nil
	}
	if err := e.check(); err != nil {
		return err
	}
	err := engineError(e.conn.Close())
	e.closed = !errors.Is(err, Busy)
	if e.closed && e.unregister != nil {
		e.unregister()
	}
	return err
}
