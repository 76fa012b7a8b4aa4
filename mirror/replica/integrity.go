package replica

import (
	"fmt"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// CheckIntegrity reads the whole database and fails with [ErrCorrupt] when SQLite finds a fault in it, or when the rows
// of a stream are not exactly the offsets from 1 to its position. It takes about as long as reading the file.
//
// Open does not call it: SQLite's journal keeps a database whole through a crash, and Open checks in O(1) a stream that
// its rows end where its position says.
func (r *Replica) CheckIntegrity() error {
	err := readRows(r.conn, "PRAGMA integrity_check(1)", func(row sqlite.Stmt) error {
		if found := row.ColumnText(0); found != "ok" {
			return fmt.Errorf("%w: %s", ErrCorrupt, found)
		}
		return nil
	})
	if err == nil {
		err = r.checkRows()
	}
	if err == nil {
		err = r.readID()
	}
	if err == nil {
		r.streams = nil // load checks what it reads
		err = r.load()
	}
	if err != nil {
		return fmt.Errorf("check integrity: %w", asCorrupt(err))
	}
	return nil
}

// checkRows compares the rows of each stream with its position. Events without a stream are a fault too.
func (r *Replica) checkRows() error {
	const sql = `SELECT e.id, e.events, e.first, e.last, coalesce(s.offset, 0)
		FROM (SELECT stream_id AS id, count(*) AS events, min(offset) AS first, max(offset) AS last FROM events GROUP BY stream_id) AS e
		LEFT JOIN streams AS s ON s.id = e.id
		WHERE s.id IS NULL OR e.first <> 1 OR e.last <> s.offset OR e.events <> s.offset`
	return readRows(r.conn, sql, func(row sqlite.Stmt) error {
		return fmt.Errorf("%w: stream %d has %d events, %d to %d, its position is %d", ErrCorrupt, row.ColumnInt64(0),
			row.ColumnInt64(1), row.ColumnInt64(2), row.ColumnInt64(3), row.ColumnInt64(4))
	})
}
