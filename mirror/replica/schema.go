package replica

import (
	"fmt"

	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/random"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// SchemaVersion is the version of the schema that this package makes and reads, kept as PRAGMA user_version.
const SchemaVersion = 4

// ApplicationID marks an SQLite database as a mirror's: "MPnd", kept as PRAGMA application_id.
const ApplicationID = 0x4d506e64

// schema is version 4, with [outbox.Schema] and [projection.Schema]. It is public: docs/schema.md explains it, and what each index costs is in
// docs/decisions/0005-replica-schema.md. The rows of events are of a copy, of which a stream has one that serves, and may have
// another in copies that is being built (docs/decisions/0015-rebuild-in-place.md); copies without a stream are to be deleted. Change it only together with SchemaVersion.
const schema = `
CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value ANY
) STRICT, WITHOUT ROWID;

CREATE TABLE streams (
	id          INTEGER PRIMARY KEY,
	namespace   TEXT NOT NULL,
	path        TEXT NOT NULL,
	incarnation TEXT NOT NULL,
	offset      INTEGER NOT NULL,
	hash        INTEGER NOT NULL,
	max_offset  INTEGER NOT NULL,
	copy_id     INTEGER UNIQUE,
	UNIQUE (namespace, path)
) STRICT;

CREATE TABLE copies (
	id          INTEGER PRIMARY KEY,
	stream_id   INTEGER,
	incarnation TEXT NOT NULL,
	offset      INTEGER NOT NULL,
	hash        INTEGER NOT NULL,
	target      INTEGER NOT NULL
) STRICT;

CREATE TABLE event_rows (
	copy_id         INTEGER NOT NULL,
	offset          INTEGER NOT NULL,
	local_index     INTEGER AS (offset - 1) VIRTUAL,
	type            TEXT NOT NULL,
	created_at      INTEGER NOT NULL,
	inserted_at     INTEGER NOT NULL,
	idempotency_key TEXT,
	source_slug     TEXT,
	source_version  TEXT,
	hash            INTEGER NOT NULL,
	metadata        BLOB,
	payload         BLOB
) STRICT;

CREATE UNIQUE INDEX events_by_offset ON event_rows (copy_id, offset);
CREATE INDEX events_by_type ON event_rows (copy_id, type, local_index);

CREATE VIEW events AS
SELECT s.id AS stream_id, e.offset, e.local_index, e.type, e.created_at, e.inserted_at, e.idempotency_key, e.source_slug,
	e.source_version, e.hash, e.metadata, e.payload
FROM streams AS s JOIN event_rows AS e ON e.copy_id = s.copy_id;

CREATE VIEW log AS
SELECT s.namespace, s.path, s.id AS stream_id, e.offset, e.local_index, e.type,
	strftime('%Y-%m-%dT%H:%M:%fZ', e.created_at / 1e6, 'unixepoch') AS created_at,
	e.idempotency_key, e.source_slug, e.source_version,
	json(e.metadata) AS metadata, json(e.payload) AS payload
FROM streams AS s JOIN event_rows AS e ON e.copy_id = s.copy_id;
`

// createSchema makes an empty database a replica's. It runs inside a transaction.
func createSchema(conn sqlite.Conn) error {
	pragmas := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", ApplicationID, SchemaVersion)
	meta := fmt.Sprintf("INSERT INTO meta (key, value) VALUES ('replica_id', '%s');", random.Text())
	return conn.Exec(schema + outbox.Schema + projection.Schema + pragmas + meta)
}

// hasSchema reports whether the database holds a replica of this version; false is an empty database. Anything else is
// a *SchemaError.
func hasSchema(conn sqlite.Conn) (bool, error) {
	objects, err := readInt(conn, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return false, err
	}
	application, err := readInt(conn, "PRAGMA application_id")
	if err != nil {
		return false, err
	}
	version, err := readInt(conn, "PRAGMA user_version")
	if err != nil {
		return false, err
	}
	switch {
	case application == ApplicationID && version == SchemaVersion:
		return true, nil
	case objects == 0 && application == 0 && version == 0:
		return false, nil
	}
	return false, &SchemaError{ApplicationID: application, Version: version}
}

// readInt is the first column of the first row of a statement.
func readInt(conn sqlite.Conn, sql string) (n int64, err error) {
	err = readRows(conn, sql, func(row sqlite.Stmt) error {
		n = row.ColumnInt64(0)
		return nil
	})
	return n, err
}

// readRows prepares a statement, calls fn at each of its rows, and closes it.
func readRows(conn sqlite.Conn, sql string, fn func(row sqlite.Stmt) error) error {
	stmt, _, err := conn.Prepare(sql)
	if err != nil {
		return err
	}
	err = sqlite.Each(stmt, fn)
	if closing := stmt.Close(); err == nil {
		err = closing
	}
	return err
}
