package outbox

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Rows are the rows of an outbox outside of a database, on the way from one that is of no use any more into the next.
type Rows []savedRow

type savedRow struct {
	id, append, createdAt                           int64
	namespace, path, incarnation, state, key, input string
	code, message                                   string
}

// Salvage reads what can be read of the outbox in a database that may be damaged, or of another version of the schema. The
// error says why it could not be all.
func Salvage(conn sqlite.Conn) (rows Rows, err error) {
	stmt, _, err := conn.Prepare(`SELECT id, append_id, created_at, namespace, path, coalesce(incarnation, ''), state,
		idempotency_key, input, coalesce(error_code, ''), coalesce(error_message, '') FROM outbox ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("salvage the outbox: %w", err)
	}
	err = sqlite.Each(stmt, func(r sqlite.Stmt) error {
		rows = append(rows, savedRow{
			id: r.ColumnInt64(0), append: r.ColumnInt64(1), createdAt: r.ColumnInt64(2),
			namespace: r.ColumnText(3), path: r.ColumnText(4), incarnation: r.ColumnText(5), state: r.ColumnText(6),
			key: r.ColumnText(7), input: r.ColumnText(8), code: r.ColumnText(9), message: r.ColumnText(10),
		})
		return nil
	})
	if err = errors.Join(err, stmt.Close()); err != nil {
		err = fmt.Errorf("salvage the outbox: %d rows could be read: %w", len(rows), err)
	}
	return rows, err
}

// Restore writes salvaged rows, durably. The outbox must be empty.
func (o *Outbox) Restore(rows Rows) error {
	err := o.durably(func() error { return Restore(o.conn, rows) })
	o.keys = nil
	return err
}

// Restore writes rows into an empty outbox, in the transaction that is open. Of a damaged database some may be nonsense: a
// row that breaks a rule of the table is left out.
func Restore(conn sqlite.Conn, rows Rows) error {
	stmt, _, err := conn.Prepare(`INSERT OR IGNORE INTO outbox (id, append_id, created_at, namespace, path, incarnation, state,
		idempotency_key, input, error_code, error_message)
		SELECT ?1, ?2, ?3, ?4, ?5, nullif(?6, ''), ?7, ?8, ?9, nullif(?10, ''), nullif(?11, '')
		WHERE json_valid(?9) AND ?7 IN ('pending', 'refused', 'quarantined')`)
	if err != nil {
		return fmt.Errorf("restore the outbox: %w", err)
	}
	for _, r := range rows {
		if err == nil {
			err = cmp.Or(stmt.BindInt64(1, r.id), stmt.BindInt64(2, r.append), stmt.BindInt64(3, r.createdAt))
		}
		for i, text := range []string{r.namespace, r.path, r.incarnation, r.state, r.key, r.input, r.code, r.message} {
			err = cmp.Or(err, stmt.BindText(4+i, text))
		}
		if err == nil {
			err = stmt.Exec()
		}
	}
	if err = errors.Join(err, stmt.Close()); err != nil {
		return fmt.Errorf("restore the outbox: %w", err)
	}
	return nil
}
