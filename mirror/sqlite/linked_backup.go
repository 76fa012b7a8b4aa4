//go:build js && !gosqlite

package sqlite

import (
	"io"

	"github.com/millpond-dev/millpond/mirror/sqlite/linked"
)

// Backup writes a copy of the main database, page by page. The statement that counts the pages stays in the middle of its
// rows, and keeps what is read as it is.
func (c *linkedConn) Backup(w io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.InTransaction() {
		return errInTransaction
	}
	size, err := c.number("PRAGMA main.page_size")
	if err != nil {
		return err
	}
	count, _, err := c.Prepare("PRAGMA main.page_count")
	if err != nil {
		return err
	}
	defer count.Close()
	if !count.Step() {
		return count.Err()
	}
	return c.writePages(&plainHeader{to: w}, int(count.ColumnInt64(0)), int(size))
}

func (c *linkedConn) number(sql string) (int64, error) {
	stmt, _, err := c.Prepare(sql)
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	stmt.Step()
	return stmt.ColumnInt64(0), stmt.Err()
}

func (c *linkedConn) writePages(w io.Writer, count, size int) error {
	var buffer linkedBuffer
	defer buffer.free()
	if err := buffer.grow(size); err != nil {
		return err
	}
	page := make([]byte, size)
	for number := range count {
		if err := c.failure(linked.Page(c.conn, int32(number+1), buffer.at)); err != nil {
			return err
		}
		linked.CopyOut(page, buffer.at)
		if _, err := w.Write(page); err != nil {
			return err
		}
	}
	return nil
}
