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
	selectHash, deleteEvents                  sqlite.Stmt
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
		{&s.selectStreams, `SELECT id, namespace, path, incarnation, offset, hash, max_offset,
			(SELECT min(offset) FROM events WHERE stream_id = id),
			(SELECT max(offset) FROM events WHERE stream_id = id),
			(SELECT e.hash FROM events AS e WHERE e.stream_id = id ORDER BY e.offset DESC LIMIT 1)
			FROM streams`},
		{&s.insertStream, `INSERT INTO streams (namespace, path, incarnation, offset, hash, max_offset) VALUES (?, ?, '', 0, 0, 0)`},
		{&s.updateStream, `UPDATE streams SET incarnation = ?, offset = ?, hash = ?, max_offset = ? WHERE id = ?`},
		{&s.selectHash, `SELECT hash FROM events WHERE stream_id = ? AND offset = ?`},
		{&s.insertEvent, insertSQL(1)},
		{&s.insertEvents, insertSQL(rowsPerInsert)},
		{&s.deleteEvents, `DELETE FROM events WHERE stream_id = ?`},
	})
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
		s.begin, s.commit, s.rollback, s.selectStreams, s.insertStream, s.updateStream, s.selectHash, s.deleteEvents,
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
		s.updateStream.BindInt64(5, to.id),
	)
	if err != nil {
		return err
	}
	return s.updateStream.Exec()
}

// hashAt is the log hash after the stored event at an offset, and 0 before the first one.
func (s *statements) hashAt(streamID int64, offset uint64) (hash millpond.Hash, err error) {
	if offset == 0 {
		return 0, nil
	}
	if err := cmp.Or(s.selectHash.BindInt64(1, streamID), s.selectHash.BindInt64(2, int64(offset))); err != nil {
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

func (s *statements) dropEvents(streamID int64) error {
	if err := s.deleteEvents.BindInt64(1, streamID); err != nil {
		return err
	}
	return s.deleteEvents.Exec()
}
