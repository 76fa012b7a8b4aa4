//go:build !js || gosqlite

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
			e.run(func() { verdict = fn(access(int32(action), third, fourth)) })
			if verdict == Deny {
				return sqlite3.AUTH_DENY
			}
			return sqlite3.AUTH_OK
		}))
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
