//go:build js && !gosqlite

package sqlite

import "github.com/millpond-dev/millpond/mirror/sqlite/linked"

func (c *linkedConn) OnUpdate(fn func(table string, rowid int64)) {
	if c.closed {
		return
	}
	c.update = fn
	linked.OnUpdate(c.conn, c.id, switched(fn != nil))
}

func (c *linkedConn) OnAuthorize(fn func(Access) Verdict) error {
	if err := c.check(); err != nil {
		return err
	}
	c.authorize = fn
	return c.failure(linked.OnAuthorize(c.conn, c.id, switched(fn != nil)))
}

func (c *linkedConn) OnProgress(fn func() (stop bool)) { c.progress = fn }

func switched(on bool) int32 {
	if on {
		return 1
	}
	return 0
}

// What SQLite calls. No panic may leave these functions: it would unwind SQLite and end the program.

//go:wasmexport sqlite_on_update
func linkedOnUpdate(conn, _ int32, _, table linked.Pointer, rowid int64) {
	c := linkedConns.get(conn)
	c.run(func() { c.update(linked.CString(table), rowid) })
}

//go:wasmexport sqlite_on_authorize
func linkedOnAuthorize(conn, action int32, third, fourth, _, _ linked.Pointer) int32 {
	const deny = 1
	c := linkedConns.get(conn)
	verdict := Deny
	c.run(func() { verdict = c.authorize(access(action, linked.CString(third), linked.CString(fourth))) })
	if verdict == Deny {
		return deny
	}
	return 0
}

// linkedOnProgress also stops what runs when another hook has panicked, which cannot say so itself.
//
//go:wasmexport sqlite_on_progress
func linkedOnProgress(conn int32) int32 {
	c := linkedConns.get(conn)
	stop := c.panicked != nil
	if !stop && c.progress != nil {
		stop = !c.run(func() { stop = c.progress() }) || stop
	}
	return switched(stop)
}
