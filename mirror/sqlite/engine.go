package sqlite

import (
	"context"
	"errors"

	"github.com/ncruces/go-sqlite3"
)

// engine is a Conn on go-sqlite3.
type engine struct {
	conn       *sqlite3.Conn
	unregister func() // the file layer, once it is of no use; may be nil
}

var _ Conn = engine{}

// open opens the database at path, in a file layer if there is one.
func open(path string, files Files) (_ Conn, err error) {
	var e engine
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
	return e, nil
}

func (e engine) Prepare(sql string) (_ Stmt, tail string, err error) {
	defer caughtNoMem(&err)
	s, tail, err := e.conn.Prepare(sql)
	if s == nil || err != nil {
		return nil, tail, engineError(err)
	}
	return &statement{Stmt: s}, tail, nil
}

func (e engine) Exec(sql string) (err error) {
	defer caughtNoMem(&err)
	return engineError(e.conn.Exec(sql))
}

func (e engine) Changes() int64         { return e.conn.Changes() }
func (e engine) LastInsertRowID() int64 { return e.conn.LastInsertRowID() }
func (e engine) InTransaction() bool    { return !e.conn.GetAutocommit() }

func (e engine) Close() error {
	err := engineError(e.conn.Close())
	if e.unregister != nil && !errors.Is(err, Busy) {
		e.unregister()
	}
	return err
}

func (e engine) OnUpdate(fn func(table string, rowid int64)) {
	if fn == nil {
		e.conn.UpdateHook(nil)
		return
	}
	e.conn.UpdateHook(func(_ sqlite3.AuthorizerActionCode, _, table string, rowid int64) { fn(table, rowid) })
}

func (e engine) OnAuthorize(fn func(Access) Verdict) error {
	if fn == nil {
		return engineError(e.conn.SetAuthorizer(nil))
	}
	return engineError(e.conn.SetAuthorizer(
		func(action sqlite3.AuthorizerActionCode, third, fourth, _, _ string) sqlite3.AuthorizerReturnCode {
			if fn(access(action, third, fourth)) == Deny {
				return sqlite3.AUTH_DENY
			}
			return sqlite3.AUTH_OK
		}))
}

// access says in words of ours what SQLite says by position: https://sqlite.org/c3ref/c_alter_table.html.
func access(action sqlite3.AuthorizerActionCode, third, fourth string) Access {
	switch action {
	case sqlite3.AUTH_SELECT:
		return Access{Action: Select}
	case sqlite3.AUTH_READ:
		return Access{Action: Read, Table: third, Column: fourth}
	case sqlite3.AUTH_INSERT:
		return Access{Action: Insert, Table: third}
	case sqlite3.AUTH_UPDATE:
		return Access{Action: Update, Table: third, Column: fourth}
	case sqlite3.AUTH_DELETE:
		return Access{Action: Delete, Table: third}
	case sqlite3.AUTH_FUNCTION:
		return Access{Action: Function, Name: fourth}
	case sqlite3.AUTH_RECURSIVE:
		return Access{Action: Recursive}
	case sqlite3.AUTH_PRAGMA:
		return Access{Action: Pragma, Name: third}
	}
	return Access{Action: Other, Name: third}
}

func (e engine) Interrupt(cancelled func() bool) {
	if cancelled == nil {
		e.conn.SetInterrupt(context.Background())
		return
	}
	e.conn.SetInterrupt(interrupt{context.Background(), cancelled})
}

// interrupt is what the engine polls: a context that asks a function.
type interrupt struct {
	context.Context
	cancelled func() bool
}

func (i interrupt) Err() error {
	if i.cancelled() {
		return context.Canceled
	}
	return nil
}
