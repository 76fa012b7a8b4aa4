package replica

import (
	"cmp"
	"fmt"
	"strings"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/jsonb"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// The columns that an event is inserted into, in the order of their parameters.
const (
	columnCopy = iota
	columnInsertedAt
	columnOffset
	columnType
	columnCreatedAt
	columnHash
	columnKey
	columnSlug
	columnVersion
	columnMetadata
	columnPayload
	columns

	sharedColumns = columnOffset // those that are the same in all rows of a batch are parameters once
)

// insertSQL inserts a number of events. OR FAIL: a failure rolls the transaction back anyhow, so SQLite need not keep what
// each page was before the statement, which takes as long as the rest of it.
func insertSQL(rows int) string {
	var sql strings.Builder
	sql.WriteString(`INSERT OR FAIL INTO event_rows (copy_id, inserted_at, offset, type, created_at, hash, idempotency_key,
		source_slug, source_version, metadata, payload) VALUES `)
	for row := range rows {
		sql.WriteString("(?1,?2")
		for column := sharedColumns; column < columns; column++ {
			fmt.Fprintf(&sql, ",?%d", param(row, column))
		}
		sql.WriteString("),")
	}
	return strings.TrimSuffix(sql.String(), ",")
}

// param is the number of the parameter of a column that is not shared.
func param(row, column int) int { return 1 + row*(columns-sharedColumns) + column }

// rowWriter inserts the events of a batch: several a statement while there are as many to come, then one by one.
type rowWriter struct {
	one, many inserter
}

// begin starts a batch, and forgets what is left of an earlier one.
func (w *rowWriter) begin(copyID, insertedAt int64) error {
	return cmp.Or(w.one.begin(copyID, insertedAt), w.many.begin(copyID, insertedAt))
}

// insert writes an event, which has the log hash after it. left is how many events the batch has from this one on: when it
// has fewer after all, the last of them may not be written.
func (w *rowWriter) insert(e *millpond.Event, hash millpond.Hash, left uint64) error {
	in := &w.one
	if w.many.filled > 0 || left >= rowsPerInsert {
		in = &w.many
	}
	return in.insert(e, hash)
}

// inserter is a statement that inserts as many events as it has rows. SQLite keeps what is bound from one run to the next,
// so only what differs is bound: most events share their type, and have neither metadata nor source.
type inserter struct {
	stmt   sqlite.Stmt
	rows   []boundRow
	filled int // rows that wait for the others
	jsonb  []byte
	err    error // the first failure to bind
}

// boundRow is what is bound to the parameters of a row.
type boundRow struct {
	typ     string // empty: nothing
	present uint   // bit set of the optional columns that are not NULL
}

func (in *inserter) begin(copyID, insertedAt int64) error {
	in.filled, in.err = 0, nil
	clear(in.rows)
	in.bound(in.stmt.ClearBindings())
	in.bound(in.stmt.BindInt64(1+columnCopy, copyID))
	in.bound(in.stmt.BindInt64(1+columnInsertedAt, insertedAt))
	return in.err
}

func (in *inserter) insert(e *millpond.Event, hash millpond.Hash) error {
	row := in.filled
	in.bound(in.stmt.BindInt64(param(row, columnOffset), int64(e.Offset)))
	in.bound(in.stmt.BindInt64(param(row, columnCreatedAt), e.CreatedAt.UnixMicro()))
	in.bound(in.stmt.BindInt64(param(row, columnHash), int64(hash)))
	if in.rows[row].typ != e.Type {
		in.rows[row].typ = e.Type
		in.bound(in.stmt.BindText(param(row, columnType), e.Type))
	}
	var source millpond.ProcessorID
	if e.Source != nil {
		source = e.Source.Processor
	}
	in.text(columnKey, e.IdempotencyKey)
	in.text(columnSlug, source.Slug)
	in.text(columnVersion, source.Version)
	in.json(columnMetadata, e.Metadata)
	in.json(columnPayload, e.Payload)
	if in.err != nil {
		return in.err
	}
	if in.filled++; in.filled < len(in.rows) {
		return nil
	}
	in.filled = 0
	return in.stmt.Exec()
}

func (in *inserter) text(column int, value string) {
	if in.needs(column, value != "") {
		in.bound(in.stmt.BindText(param(in.filled, column), value))
	}
}

func (in *inserter) json(column int, value []byte) {
	if !in.needs(column, value != nil) {
		return
	}
	var err error
	if in.jsonb, err = jsonb.Append(in.jsonb[:0], value); err != nil {
		in.bound(fmt.Errorf("%w: its payload or metadata is %w", ErrRecord, err))
		return
	}
	in.bound(in.stmt.BindBlob(param(in.filled, column), in.jsonb))
	if cap(in.jsonb) > keptJSONBytes {
		in.jsonb = nil
	}
}

// needs reports whether an optional column is to be bound to a value, and binds NULL when it is not and was before.
func (in *inserter) needs(column int, present bool) bool {
	row, bit := &in.rows[in.filled], uint(1)<<column
	if present {
		row.present |= bit
	} else if row.present&bit != 0 {
		row.present &^= bit
		in.bound(in.stmt.BindNull(param(in.filled, column)))
	}
	return present
}

func (in *inserter) bound(err error) {
	if in.err == nil {
		in.err = err
	}
}
