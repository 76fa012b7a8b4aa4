package sqlite

import (
	"context"

	"github.com/ncruces/go-sqlite3"
)

func (e *engine) OnUpdate(fn func(table string, rowid int64)) {
	switch {
	case e.closed:
	case fn == nil:
		e.conn.UpdateHook(nil)
	default:
		e.conn.UpdateHook(func(_ sqlite3.AuthorizerActionCode, _, table string, rowid int64) {
			e.run(func() { fn(table, rowid) })
		})
	}
}

func (e *engine) OnAuthorize(fn func(Access) Verdict) error {
	if err := e.check(); err != nil {
		return err
	}
	if fn == nil {
		return engineError(e.conn.SetAuthorizer(nil))
	}
	return engineError(e.conn.SetAuthorizer(
		func(action sqlite3.AuthorizerActionCode, third, fourth, _, _ string) sqlite3.AuthorizerReturnCode {
			verdict := Deny
			e.run(func() { verdict = fn(access(action, third, fourth)) })
			if verdict == Deny {
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

func (e *engine) OnProgress(fn func() (stop bool)) { e.progress = fn }

// progress is what go-sqlite3 polls: a context that asks the hook.
type progress struct {
	context.Context
	engine *engine
}

func (p progress) Err() error {
	stop := p.engine.panicked != nil // in another hook, which could not say so
	if !stop && p.engine.progress != nil {
		stop = !p.engine.run(func() { stop = p.engine.progress() }) || stop
	}
	if stop {
		return context.Canceled
	}
	return nil
}
