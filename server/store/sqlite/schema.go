package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond/server/store"
)

// applicationID marks the file as ours: "MILL".
const applicationID = 0x4d494c4c

// schemaVersion is kept in user_version. A change of the schema needs a migration in prepareSchema.
const schemaVersion = 3

// schema is version 3. The log is a rowid table: appends that are scattered over many streams then all go to its end.
// streams.id is never used twice, so that a log that is being deleted is never taken for the stream's next one.
const schema = `
CREATE TABLE streams (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	namespace   TEXT    NOT NULL,
	path        TEXT    NOT NULL,
	incarnation TEXT    NOT NULL,
	max_offset  INTEGER NOT NULL,
	hash        INTEGER NOT NULL, -- of the log at max_offset
	UNIQUE (namespace, path)
) STRICT;

CREATE TABLE log (
	id              INTEGER PRIMARY KEY,
	stream          INTEGER NOT NULL,
	offset          INTEGER NOT NULL,
	hash            INTEGER NOT NULL, -- rolling, up to this record
	idempotency_key TEXT,
	record          BLOB    NOT NULL,
	UNIQUE (stream, offset)
) STRICT;
CREATE UNIQUE INDEX log_idempotency_key ON log (stream, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Apart from streams, because a snapshot may be large and changes seldom.
CREATE TABLE snapshots (
	stream  INTEGER PRIMARY KEY,
	version INTEGER NOT NULL,
	data    BLOB    NOT NULL
) STRICT;

` + checkpointsSchema + partsSchema + `
-- Logs of streams that were reset, to be deleted bit by bit.
CREATE TABLE garbage (stream INTEGER PRIMARY KEY) STRICT;
`

// checkpointsSchema is what version 2 has more than version 1. A checkpoint may be large and changes often, so it is in a
// rowid table.
const checkpointsSchema = `
CREATE TABLE checkpoints (
	stream INTEGER NOT NULL,
	key    TEXT    NOT NULL,
	data   BLOB    NOT NULL,
	UNIQUE (stream, key)
) STRICT;
`

// partsSchema is what version 3 has more than version 2: a record over millpond.MaxPartBytes is in several rows. The first
// of them is the log's, which then has the size of the whole.
const partsSchema = `
ALTER TABLE log ADD COLUMN record_bytes INTEGER; -- NULL: all of the record is here

CREATE TABLE parts (
	log  INTEGER NOT NULL, -- id of the row
	n    INTEGER NOT NULL, -- 1, 2, …: the part after n times millpond.MaxPartBytes
	data BLOB    NOT NULL,
	UNIQUE (log, n)
) STRICT;
`

// migrations bring a database from the version that is their index to the next one.
var migrations = [schemaVersion]string{1: checkpointsSchema, 2: partsSchema}

// prepareSchema makes the schema in a new database and checks it in an old one.
func prepareSchema(c *sqlite3.Conn, path string) error {
	id, err := queryInt(c, "PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := queryInt(c, "PRAGMA user_version")
	if err != nil {
		return err
	}
	tables, err := queryInt(c, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	switch {
	case id == 0 && version == 0 && tables == 0:
		return c.Exec(fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
			schema, applicationID, schemaVersion))
	case id != applicationID:
		return &store.Error{Kind: store.ErrForeign, Path: path, Hint: "choose another data directory"}
	case version > schemaVersion:
		return &store.Error{Kind: store.ErrNewerSchema, Path: path,
			Hint: fmt.Sprintf("it has version %d and this program knows up to %d: run the release that wrote it, or a newer one",
				version, schemaVersion)}
	case version > 0 && version < schemaVersion:
		return migrate(c, version)
	case version < schemaVersion:
		return &store.Error{Kind: store.ErrCorrupt, Path: path, Err: fmt.Errorf("schema version %d", version), Hint: restore}
	}
	return nil
}

// migrate brings an older database to the present schema, in one transaction.
func migrate(c *sqlite3.Conn, version int64) error {
	var sql strings.Builder
	for _, step := range migrations[version:] {
		sql.WriteString(step)
	}
	err := c.Exec(fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", sql.String(), schemaVersion))
	if err != nil && !c.GetAutocommit() {
		err = errors.Join(err, c.Exec("ROLLBACK"))
	}
	return err
}

// queryInt is the first column of the first row.
func queryInt(c *sqlite3.Conn, sql string) (int64, error) {
	stmt, _, err := c.Prepare(sql)
	if err != nil {
		return 0, err
	}
	defer stmt.Close()
	if !stmt.Step() {
		if err := stmt.Err(); err != nil {
			return 0, err
		}
		return 0, errors.New("no row: " + sql)
	}
	return stmt.ColumnInt64(0), nil
}
