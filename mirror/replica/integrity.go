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

// checkRows compares the rows of each copy with its position. Events without a copy are a fault too.
func (r *Replica) checkRows() error {
	const sql = `WITH
		c (id, offset) AS (SELECT copy_id, offset FROM streams UNION ALL SELECT id, offset FROM copies WHERE stream_id IS NOT NULL),
		e (id, events, first, last) AS (SELECT copy_id, count(*), min(offset), max(offset) FROM event_rows GROUP BY copy_id)
		SELECT e.id, e.events, e.first, e.last, coalesce(c.offset, 0) FROM e LEFT JOIN c ON c.id = e.id
		WHERE (c.id IS NULL OR e.first <> 1 OR e.last <> c.offset OR e.events <> c.offset)
		AND e.id NOT IN (SELECT id FROM copies WHERE stream_id IS NULL)`
	return readRows(r.conn, sql, func(row sqlite.Stmt) error {
		return fmt.Errorf("%w: copy %d has %d events, %d to %d, its position is %d", ErrCorrupt, row.ColumnInt64(0),
			row.ColumnInt64(1), row.ColumnInt64(2), row.ColumnInt64(3), row.ColumnInt64(4))
	})
}
