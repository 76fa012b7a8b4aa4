//go:build js && !gosqlite

package sqlite

import (
	"math"

	"github.com/millpond-dev/millpond/mirror/sqlite/linked"
)

// linkedConn is a Conn on SQLite compiled from C: see package linked.
type linkedConn struct {
	gate
	conn  linked.Conn
	id    int32 // its number for callbacks
	files *linkedFiles
	sql   linkedBuffer // of the statement that is compiled

	update    func(table string, rowid int64) // may be nil, as the others
	authorize func(Access) Verdict
	progress  func() (stop bool)
}

var _ Conn = (*linkedConn)(nil)

// open opens the database at path, in a file layer if there is one.
func open(path string, files Files) (Conn, error) {
	c := new(linkedConn)
	c.id = linkedConns.place(c)
	if files == nil {
		files = noFiles{}
	}
	c.files = &linkedFiles{Files: files, conn: c}
	c.files.id = linkedSets.place(c.files)
	if name := linked.NewCString(path); name != 0 {
		c.conn = linked.Open(name, c.files.id)
		linked.Free(name)
	}
	if c.conn == 0 {
		c.forget()
		return nil, errNoMem
	}
	if code := linked.ExtendedErrCode(c.conn); code != 0 {
		err := c.fail(c.failure(code))
		linked.Close(c.conn)
		c.forget()
		return nil, err
	}
	linked.OnProgress(c.conn, c.id, progressInstructions)
	return c, nil
}

// forget takes the connection from where callbacks find it.
func (c *linkedConn) forget() {
	c.closed = true
	linkedConns.remove(c.id)
	linked.RemoveSet(c.files.id)
	linkedSets.remove(c.files.id)
	c.sql.free()
}

// begin is for the beginning of every call that compiles or runs SQL.
func (c *linkedConn) begin() error {
	if err := c.check(); err != nil {
		return err
	}
	c.files.failed = nil
	if c.progress == nil {
		return nil
	}
	return c.ask()
}

// ask asks the progress hook before anything runs.
func (c *linkedConn) ask() error {
	stop := false
	c.run(func() { stop = c.progress() })
	if stop {
		return c.fail(&Error{Code: Interrupt, Extended: int(Interrupt)})
	}
	return c.fail(nil)
}

func (c *linkedConn) Prepare(sql string) (Stmt, string, error) {
	if err := c.begin(); err != nil {
		return nil, "", err
	}
	p, err := c.sql.put(sql)
	if err != nil {
		return nil, "", err
	}
	prepared := linked.Prepare(c.conn, p, int32(len(sql))+1)
	c.sql.trim()
	if prepared < 0 {
		return nil, "", c.fail(c.failure(int32(-prepared)))
	}
	stmt := linked.Stmt(prepared & math.MaxUint32)
	if err := c.fail(nil); err != nil {
		linked.Finalize(stmt)
		return nil, "", err
	}
	tail := sql[min(int(prepared>>32), len(sql)):]
	if stmt == 0 {
		return nil, tail, nil
	}
	return &linkedStmt{conn: c, stmt: stmt, values: make([]linkedBuffer, linked.BindParameterCount(stmt))}, tail, nil
}

func (c *linkedConn) Exec(sql string) error {
	if err := c.begin(); err != nil {
		return err
	}
	p, err := c.sql.put(sql)
	if err != nil {
		return err
	}
	code := linked.Exec(c.conn, p)
	c.sql.trim()
	return c.fail(c.failure(code))
}

func (c *linkedConn) Changes() int64 {
	if c.closed {
		return 0
	}
	return linked.Changes(c.conn)
}

func (c *linkedConn) LastInsertRowID() int64 {
	if c.closed {
		return 0
	}
	return linked.LastInsertRowID(c.conn)
}

func (c *linkedConn) InTransaction() bool { return !c.closed && linked.AutoCommit(c.conn) == 0 }

// Close leaves the connection as it is when SQLite does.
func (c *linkedConn) Close() error {
	if c.closed {
		return nil
	}
	if err := c.check(); err != nil {
		return err
	}
	if code := linked.Close(c.conn); code != 0 {
		return c.failure(code)
	}
	c.forget()
	return nil
}
