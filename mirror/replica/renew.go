package replica

import (
	"fmt"

	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Renew makes the database anew, empty but for what waits in the outbox, in one transaction that survives a power cut: who
// appended offline loses nothing although the copy is of no use. It is for a database that Open refuses, whose file is an SQLite
// database all the same; where even that is in doubt it fails with ErrCorrupt, and the file has to go.
func Renew(conn sqlite.Conn, keep outbox.Rows) error {
	err := conn.Exec("PRAGMA synchronous = FULL; BEGIN IMMEDIATE")
	if err == nil {
		err = renew(conn, keep)
	}
	if err == nil {
		err = conn.Exec("COMMIT; PRAGMA synchronous = NORMAL")
	}
	if err != nil {
		if conn.InTransaction() {
			conn.Exec("ROLLBACK") // B3: the cause is what counts
		}
		return fmt.Errorf("renew replica: %w", asCorrupt(err))
	}
	return readRows(conn, "PRAGMA integrity_check(1)", func(row sqlite.Stmt) error {
		if found := row.ColumnText(0); found != "ok" {
			return fmt.Errorf("renew replica: %w: %s", ErrCorrupt, found)
		}
		return nil
	})
}

func renew(conn sqlite.Conn, keep outbox.Rows) error {
	var drops []string
	err := readRows(conn, "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'",
		func(row sqlite.Stmt) error {
			drops = append(drops, fmt.Sprintf("DROP %s %q", row.ColumnText(0), row.ColumnText(1)))
			return nil
		})
	if err != nil {
		return err
	}
	for _, sql := range drops {
		if err := conn.Exec(sql); err != nil {
			return err
		}
	}
	if err := createSchema(conn); err != nil {
		return err
	}
	return outbox.Restore(conn, keep)
}
