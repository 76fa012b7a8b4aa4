package replica

import (
	"cmp"
	"errors"
	"fmt"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// statements are prepared once and kept: preparing costs more than running most of them.
type statements struct {
	begin, commit, rollback                   sqlite.Stmt
	selectStreams, insertStream, updateStream sqlite.Stmt
	selectHash, selectEvents                  sqlite.Stmt
	selectCopies, newCopy, insertCopy         sqlite.Stmt
	deleteCopy, deleteRows                    sqlite.Stmt
	insertEvent, insertEvents                 sqlite.Stmt
}

// prepareControl prepares what needs no schema.
func (s *statements) prepareControl(conn sqlite.Conn) error {
	return prepare(conn, []preparation{
		{&s.begin, "BEGIN IMMEDIATE"},
		{&s.commit, "COMMIT"},
		{&s.rollback, "ROLLBACK"},
	})
}

// prepareData prepares what reads and writes the tables.
func (s *statements) prepareData(conn sqlite.Conn) error {
	return prepare(conn, []preparation{
		{&s.selectStreams, `SELECT id, namespace, path, incarnation, offset, hash, max_offset, coalesce(copy_id, 0),` + endsOf("streams.copy_id") + `FROM streams`},
		{&s.insertStream, `INSERT INTO streams (namespace, path, incarnation, offset, hash, max_offset) VALUES (?, ?, '', 0, 0, 0)`},
		{&s.updateStream, `UPDATE streams SET incarnation = ?, offset = ?, hash = ?, max_offset = ?, copy_id = ? WHERE id = ?`},
		{&s.selectCopies, `SELECT id, coalesce(stream_id, 0), incarnation, offset, hash, target,` + endsOf("copies.id") + `FROM copies ORDER BY id`},
		{&s.newCopy, `SELECT 1 + max(coalesce((SELECT max(copy_id) FROM streams), 0), coalesce((SELECT max(id) FROM copies), 0))`},
		{&s.insertCopy, `INSERT INTO copies (id, stream_id, incarnation, offset, hash, target) VALUES (?, nullif(?, 0), ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET stream_id = excluded.stream_id, offset = excluded.offset, hash = excluded.hash`},
		{&s.deleteCopy, `DELETE FROM copies WHERE id = ?`},
		{&s.deleteRows, `DELETE FROM event_rows WHERE rowid IN (SELECT rowid FROM event_rows WHERE copy_id = ? LIMIT ?)`},
		{&s.selectEvents, `SELECT offset, type, created_at, idempotency_key, source_slug, source_version, json(metadata), json(payload)
			FROM event_rows WHERE copy_id = ? AND offset > ? ORDER BY offset LIMIT ?`},
		{&s.selectHash, `SELECT hash FROM event_rows WHERE copy_id = ? AND offset = ?`},
		{&s.insertEvent, insertSQL(1)},
		{&s.insertEvents, insertSQL(rowsPerInsert)},
	})
}

// endsOf is the columns that say where the rows of a copy begin and end, and with which hash.
func endsOf(copyID string) string {
	rows := "FROM event_rows AS e WHERE e.copy_id = " + copyID
	return `
		(SELECT min(e.offset) ` + rows + `),
		(SELECT max(e.offset) ` + rows + `),
		(SELECT e.hash ` + rows + ` ORDER BY e.offset DESC LIMIT 1)
		`
}

type preparation struct {
	stmt *sqlite.Stmt
	sql  string
}

func prepare(conn sqlite.Conn, list []preparation) error {
	for _, p := range list {
		stmt, _, err := conn.Prepare(p.sql)
		if err != nil {
			return err
		}
		*p.stmt = stmt
	}
	return nil
}

func (s *statements) close() error {
	var errs []error
	for _, stmt := range []sqlite.Stmt{
		s.begin, s.commit, s.rollback, s.selectStreams, s.insertStream, s.updateStream, s.selectHash,
		s.selectEvents, s.selectCopies, s.newCopy, s.insertCopy, s.deleteCopy, s.deleteRows,
		s.insertEvent, s.insertEvents,
	} {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
	}
	*s = statements{}
	return errors.Join(errs...)
}

// addStream inserts a stream without position or events, and returns its id.
func (s *statements) addStream(conn sqlite.Conn, name millpond.Name) (int64, error) {
	err := cmp.Or(
		s.insertStream.BindText(1, name.Namespace),
		s.insertStream.BindText(2, name.Path),
	)
	if err == nil {
		err = s.insertStream.Exec()
	}
	return conn.LastInsertRowID(), err
}

// writeStream moves a stream's position.
func (s *statements) writeStream(to stream) error {
	err := cmp.Or(
		s.updateStream.BindText(1, string(to.Incarnation)),
		s.updateStream.BindInt64(2, int64(to.Offset)),
		s.updateStream.BindInt64(3, int64(to.Hash)),
		s.updateStream.BindInt64(4, int64(to.maxOffset)),
		s.updateStream.BindInt64(5, to.copyID),
		s.updateStream.BindInt64(6, to.id),
	)
	if err != nil {
		return err
	}
	return s.updateStream.Exec()
}

// hashAt is the log hash after the stored event at an offset, and 0 before the first one.
func (s *statements) hashAt(copyID int64, offset uint64) (hash millpond.Hash, err error) {
	if offset == 0 {
		return 0, nil
	}
	if err := cmp.Or(s.selectHash.BindInt64(1, copyID), s.selectHash.BindInt64(2, int64(offset))); err != nil {
		return 0, err
	}
	found := false
	err = sqlite.Each(s.selectHash, func(row sqlite.Stmt) error {
		hash, found = millpond.Hash(row.ColumnInt64(0)), true
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: event %d is missing", ErrCorrupt, offset)
	}
	return hash, err
}
