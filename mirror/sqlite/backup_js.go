//go:build gosqlite

package sqlite

import (
	"io"

	"github.com/ncruces/go-sqlite3/ext/serdes"
)

// backup copies by way of memory: there are no temporary files.
func (e *engine) backup(w io.Writer) error {
	copied, err := e.serialize()
	if err == nil {
		_, err = w.Write(copied)
	}
	return err
}

func (e *engine) serialize() (copied []byte, err error) {
	defer caughtNoMem(&err)
	copied, err = serdes.Serialize(e.conn, "main")
	return copied, engineError(err)
}
