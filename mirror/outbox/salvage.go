package outbox

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/millpond-dev/millpond"
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
	rows, err = salvage(conn, "ASC")
	if err == nil {
		return rows, nil
	}
	after, _ := salvage(conn, "DESC") // what is behind the damage
	rows = rows.With(after)
	return rows, fmt.Errorf("salvage the outbox: %d rows could be read: %w", len(rows), err)
}

func salvage(conn sqlite.Conn, order string) (rows Rows, err error) {
	stmt, _, err := conn.Prepare(`SELECT id, append_id, created_at, namespace, path, coalesce(incarnation, ''), state,
		idempotency_key, input, coalesce(error_code, ''), coalesce(error_message, '') FROM outbox NOT INDEXED ORDER BY id ` + order)
	if err != nil {
		return nil, err
	}
	err = sqlite.Each(stmt, func(r sqlite.Stmt) error {
		rows = append(rows, savedRow{
			id: r.ColumnInt64(0), append: r.ColumnInt64(1), createdAt: r.ColumnInt64(2),
			namespace: r.ColumnText(3), path: r.ColumnText(4), incarnation: r.ColumnText(5), state: r.ColumnText(6),
			key: r.ColumnText(7), input: r.ColumnText(8), code: r.ColumnText(9), message: r.ColumnText(10),
		})
		return nil
	})
	return rows, errors.Join(err, stmt.Close())
}

// With is the rows and those of others that are not among them.
func (rows Rows) With(others Rows) Rows {
	have := make(map[int64]bool, len(rows))
	for _, r := range rows {
		have[r.id] = true
	}
	for _, r := range others {
		if !have[r.id] {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b savedRow) int { return cmp.Compare(a.id, b.id) })
	return rows
}

// WithAppend is the rows and those of a pending append, whose events are as [Append] has them.
func (rows Rows) WithAppend(id uint64, name millpond.Name, events []byte) Rows {
	inputs, _, err := millpond.ParseInputs(events)
	if err != nil {
		return rows
	}
	for i, in := range inputs {
		row := savedRow{
			id: int64(id) + int64(i), append: int64(id), // as one transaction has numbered them
			namespace: name.Namespace, path: name.Path, incarnation: string(in.Incarnation), state: string(Pending), key: in.IdempotencyKey,
		}
		in.Incarnation = ""
		row.input = string(in.AppendJSON(nil))
		rows = append(rows, row)
	}
	return rows
}

// Sizes are how many rows each append has, by its id, as far as memory knows.
func (o *Outbox) Sizes() map[uint64]int { return maps.Clone(o.left) }

// Restore writes salvaged rows, durably, but for those that are there.
func (o *Outbox) Restore(rows Rows) error {
	if len(rows) == 0 {
		return nil
	}
	err := o.durably(func() error { return Restore(o.conn, rows) })
	o.keys = nil
	return cmp.Or(err, o.load())
}

// Restore writes rows that are not there into the outbox, in the transaction that is open. Of a damaged database some may be nonsense: a
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
