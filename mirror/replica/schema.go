package replica

import (
	"crypto/rand"
	"fmt"

	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// SchemaVersion is the version of the schema that this package makes and reads, kept as PRAGMA user_version.
const SchemaVersion = 3

// ApplicationID marks an SQLite database as a mirror's: "MPnd", kept as PRAGMA application_id.
const ApplicationID = 0x4d506e64

// schema is version 3, with [outbox.Schema] and [projection.Schema]. It is public: docs/schema.md explains it, and what each index costs is in
// docs/decisions/0005-replica-schema.md. Change it only together with SchemaVersion.
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
	UNIQUE (namespace, path)
) STRICT;

CREATE TABLE events (
	stream_id       INTEGER NOT NULL,
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

CREATE UNIQUE INDEX events_by_offset ON events (stream_id, offset);
CREATE INDEX events_by_type ON events (stream_id, type, local_index);

CREATE VIEW log AS
SELECT s.namespace, s.path, e.stream_id, e.offset, e.local_index, e.type,
	strftime('%Y-%m-%dT%H:%M:%fZ', e.created_at / 1e6, 'unixepoch') AS created_at,
	e.idempotency_key, e.source_slug, e.source_version,
	json(e.metadata) AS metadata, json(e.payload) AS payload
FROM events AS e JOIN streams AS s ON s.id = e.stream_id;
`

// createSchema makes an empty database a replica's. It runs inside a transaction.
func createSchema(conn sqlite.Conn) error {
	pragmas := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", ApplicationID, SchemaVersion)
	meta := fmt.Sprintf("INSERT INTO meta (key, value) VALUES ('replica_id', '%s');", rand.Text())
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
