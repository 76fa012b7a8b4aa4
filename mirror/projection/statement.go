package projection

import (
	"errors"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// statements are prepared once and kept.
type statements struct {
	begin, commit, rollback                                      sqlite.Stmt
	save, release, undo                                          sqlite.Stmt
	versions, addVersion, serveVersion                           sqlite.Stmt
	dropVersion, dropPositions                                   sqlite.Stmt
	object, stream, name, head, addStream, positions, move, fail sqlite.Stmt
	forget, retry, next, events, kept, totals                    sqlite.Stmt
	failures                                                     sqlite.Stmt
}

func (s *statements) all() map[*sqlite.Stmt]string {
	return map[*sqlite.Stmt]string{
		&s.begin:    "BEGIN IMMEDIATE",
		&s.commit:   "COMMIT",
		&s.rollback: "ROLLBACK",
		&s.save:     "SAVEPOINT projection",
		&s.release:  "RELEASE projection",
		&s.undo:     "ROLLBACK TO projection",

		&s.versions:      "SELECT id, name, version, definition, serving, tables FROM projection_versions ORDER BY id",
		&s.addVersion:    "INSERT INTO projection_versions (name, version, definition, serving, tables) VALUES (?, ?, ?, ?, ?)",
		&s.serveVersion:  "UPDATE projection_versions SET serving = 1 WHERE id = ?",
		&s.dropVersion:   "DELETE FROM projection_versions WHERE id = ?",
		&s.dropPositions: "DELETE FROM projection_positions WHERE version_id = ?",

		&s.object: "SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE",
		&s.head:   "SELECT offset, incarnation FROM streams WHERE id = ?",
		&s.name:   "SELECT namespace, path, incarnation FROM streams WHERE id = ?",
		&s.stream: "SELECT id FROM streams WHERE namespace = ? AND path = ?",
		&s.addStream: `INSERT INTO streams (namespace, path, incarnation, offset, hash, max_offset) VALUES (?, ?, '', 0, 0, 0)
			ON CONFLICT DO NOTHING`,
		&s.positions: "SELECT version_id, incarnation, offset, error IS NOT NULL FROM projection_positions WHERE stream_id = ?",
		&s.move: `INSERT INTO projection_positions (stream_id, version_id, incarnation, offset) VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET incarnation = excluded.incarnation, offset = excluded.offset`,
		&s.fail: `INSERT INTO projection_positions (stream_id, version_id, incarnation, offset, error_offset, error) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET incarnation = excluded.incarnation, offset = excluded.offset,
			error_offset = excluded.error_offset, error = excluded.error`,
		&s.forget: "DELETE FROM projection_positions WHERE stream_id = ? AND version_id = ?",
		&s.retry:  "UPDATE projection_positions SET error = NULL, error_offset = NULL WHERE version_id = ?",

		// A stream on which the version has not come as far as the events have.
		&s.next: `SELECT s.id, s.namespace, s.path, s.incarnation, s.offset, coalesce(p.offset, 0), coalesce(p.incarnation, s.incarnation)
			FROM streams AS s LEFT JOIN projection_positions AS p ON p.stream_id = s.id AND p.version_id = ?
			WHERE p.error IS NULL AND (coalesce(p.offset, 0) <> s.offset OR p.incarnation <> s.incarnation) LIMIT 1`,
		// The events of a range, those of some types if there are any.
		&s.events: `SELECT offset, type, created_at, idempotency_key, source_slug, source_version, json(metadata), json(payload) FROM events
			WHERE stream_id = ?1 AND offset > ?2 AND offset <= ?3 AND (?4 IS NULL OR type IN (SELECT value FROM json_each(?4)))
			ORDER BY offset`,
		&s.kept: "SELECT min(offset) FROM events WHERE stream_id = ?",
		&s.totals: `SELECT coalesce(sum(s.offset), 0), coalesce(sum(min(p.offset, s.offset)), 0) FROM streams AS s
			LEFT JOIN projection_positions AS p ON p.stream_id = s.id AND p.version_id = ?`,
		&s.failures: `SELECT s.namespace, s.path, p.error_offset, p.error, count(*) OVER () FROM projection_positions AS p
			JOIN streams AS s ON s.id = p.stream_id WHERE p.version_id = ? AND p.error IS NOT NULL ORDER BY p.stream_id LIMIT 1`,
	}
}

func (s *statements) prepare(conn sqlite.Conn) error {
	for stmt, sql := range s.all() {
		prepared, _, err := conn.Prepare(sql)
		if err != nil {
			return err
		}
		*stmt = prepared
	}
	return nil
}

func (s *statements) close() error {
	var errs []error
	for stmt := range s.all() {
		if *stmt != nil {
			errs = append(errs, (*stmt).Close())
		}
	}
	*s = statements{}
	return errors.Join(errs...)
}
