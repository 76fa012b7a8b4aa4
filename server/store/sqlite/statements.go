package sqlite

import (
	"errors"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond/server/store"
)

// statement is what is prepared once and run often.
type statement struct {
	stmt **sqlite3.Stmt
	sql  string
}

func prepareAll(c *sqlite3.Conn, all []statement) error {
	for _, s := range all {
		stmt, _, err := c.PrepareFlags(s.sql, sqlite3.PREPARE_PERSISTENT)
		if err != nil {
			return err
		}
		*s.stmt = stmt
	}
	return nil
}

// closeConn closes the connection and its statements.
func closeConn(c *sqlite3.Conn, all []statement) error {
	var errs []error
	for _, s := range all {
		errs = append(errs, (*s.stmt).Close()) // nil is fine
	}
	return errors.Join(append(errs, c.Close())...)
}

// writer is the connection that commits.
type writer struct {
	conn                             *sqlite3.Conn
	begin, commit, rollback          *sqlite3.Stmt
	create, advance, remove, discard *sqlite3.Stmt
	insert, insertPart, snapshot     *sqlite3.Stmt
	unmoved, keep, forget            *sqlite3.Stmt
	garbage, sweep, sweepParts       *sqlite3.Stmt
	swept, sweptSnap, sweptPoints    *sqlite3.Stmt
	stream, offset                   *sqlite3.Stmt
}

func (w *writer) statements() []statement {
	return []statement{
		{&w.begin, "BEGIN IMMEDIATE"},
		{&w.commit, "COMMIT"},
		{&w.rollback, "ROLLBACK"},
		{&w.create, `INSERT INTO streams (namespace, path, incarnation, max_offset, hash) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id`},
		{&w.advance, `UPDATE streams SET max_offset = ?4, hash = ?5
			WHERE namespace = ?1 AND path = ?2 AND incarnation = ?3 AND max_offset = ?6 RETURNING id`},
		{&w.remove, `DELETE FROM streams WHERE namespace = ?1 AND path = ?2 AND incarnation = ?3 RETURNING id`},
		{&w.discard, `INSERT INTO garbage (stream) VALUES (?1)`},
		{&w.insert, `INSERT INTO log (stream, offset, hash, idempotency_key, record, record_bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`},
		{&w.insertPart, `INSERT INTO parts (log, n, data) VALUES (?1, ?2, ?3)`},
		{&w.snapshot, `INSERT INTO snapshots (stream, version, data) VALUES (?1, ?2, ?3)
			ON CONFLICT DO UPDATE SET version = excluded.version, data = excluded.data`},
		{&w.unmoved, streamID + " AND max_offset = ?4"},
		{&w.keep, `INSERT INTO checkpoints (stream, key, data) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET data = excluded.data`},
		{&w.forget, `DELETE FROM checkpoints WHERE stream = ?1 AND key = ?2`},
		{&w.garbage, `SELECT stream FROM garbage LIMIT 1`},
		{&w.sweepParts, `DELETE FROM parts WHERE rowid IN (SELECT p.rowid FROM log AS l JOIN parts AS p ON p.log = l.id
			WHERE l.stream = ?1 AND l.record_bytes IS NOT NULL LIMIT ?2)`},
		{&w.sweep, `DELETE FROM log WHERE id IN (SELECT id FROM log WHERE stream = ?1 LIMIT ?2)`},
		{&w.swept, `DELETE FROM garbage WHERE stream = ?1`},
		{&w.sweptSnap, `DELETE FROM snapshots WHERE stream = ?1`},
		{&w.sweptPoints, `DELETE FROM checkpoints WHERE stream = ?1`},
		{&w.stream, streamID},
		{&w.offset, `SELECT offset FROM log WHERE stream = ?1 AND idempotency_key = ?2`},
	}
}

func (w *writer) prepare() error { return prepareAll(w.conn, w.statements()) }
func (w *writer) close() error   { return closeConn(w.conn, w.statements()) }

const streamID = `SELECT id FROM streams WHERE namespace = ?1 AND path = ?2 AND incarnation = ?3`

// reader is a connection that only reads. Each of its statements is one read transaction: it sees one incarnation.
type reader struct {
	conn                     *sqlite3.Conn
	stream, head, read, hash *sqlite3.Stmt
	first, part              *sqlite3.Stmt
	checkpoint, checkpointed *sqlite3.Stmt
}

func (r *reader) statements() []statement {
	return []statement{
		{&r.stream, streamID},
		{&r.head, `SELECT s.incarnation, s.max_offset, s.hash, l.hash, l.record, p.version, p.data FROM streams AS s
			LEFT JOIN log AS l ON l.stream = s.id AND l.offset = s.max_offset
			LEFT JOIN snapshots AS p ON p.stream = s.id
			WHERE s.namespace = ?1 AND s.path = ?2`},
		{&r.read, `SELECT l.offset, l.hash, l.record, l.record_bytes FROM streams AS s JOIN log AS l ON l.stream = s.id
			WHERE s.namespace = ?1 AND s.path = ?2 AND s.incarnation = ?3 AND l.offset > ?4 AND l.offset < ?5
			ORDER BY l.offset LIMIT ?6`},
		{&r.first, `SELECT l.id, l.hash, coalesce(l.record_bytes, length(l.record)), substr(l.record, ?5, ?6)
			FROM streams AS s JOIN log AS l ON l.stream = s.id
			WHERE s.namespace = ?1 AND s.path = ?2 AND s.incarnation = ?3 AND l.offset = ?4`},
		{&r.part, `SELECT substr(data, ?3, ?4) FROM parts WHERE log = ?1 AND n = ?2`},
		{&r.hash, `SELECT l.hash FROM streams AS s JOIN log AS l ON l.stream = s.id
			WHERE s.namespace = ?1 AND s.path = ?2 AND s.incarnation = ?3 AND l.offset = ?4`},
		{&r.checkpoint, `SELECT c.data FROM streams AS s JOIN checkpoints AS c ON c.stream = s.id
			WHERE s.namespace = ?1 AND s.path = ?2 AND s.incarnation = ?3 AND c.key = ?4`},
		{&r.checkpointed, `SELECT namespace, path FROM streams WHERE (namespace, path) > (?1, ?2)
			AND id IN (SELECT stream FROM checkpoints) ORDER BY namespace, path LIMIT ?3`},
	}
}

func (r *reader) prepare() error { return prepareAll(r.conn, r.statements()) }
func (r *reader) close() error   { return closeConn(r.conn, r.statements()) }

// bindStream binds the first three parameters.
func bindStream(stmt *sqlite3.Stmt, s store.Stream) error {
	return errors.Join(stmt.BindText(1, s.Name.Namespace), stmt.BindText(2, s.Name.Path), stmt.BindText(3, string(s.Incarnation)))
}

// bindInts binds integers from the parameter first on.
func bindInts(stmt *sqlite3.Stmt, first int, values ...int64) error {
	for i, v := range values {
		if err := stmt.BindInt64(first+i, v); err != nil {
			return err
		}
	}
	return nil
}

// rows runs the statement to its end, calls scan with each row, and resets.
func rows(stmt *sqlite3.Stmt, scan func(*sqlite3.Stmt) error) error {
	var err error
	for err == nil && stmt.Step() {
		err = scan(stmt)
	}
	return errors.Join(err, stmt.Reset()) // Reset tells of a step that failed
}

// row runs a statement that returns at most one integer.
func row(stmt *sqlite3.Stmt) (value int64, found bool, err error) {
	err = rows(stmt, func(*sqlite3.Stmt) error {
		value, found = stmt.ColumnInt64(0), true
		return nil
	})
	return value, found, err
}
