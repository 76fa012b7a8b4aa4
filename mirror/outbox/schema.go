package outbox

// Schema makes the tables in a database that has none of them. It is a part of the mirror's schema, and versioned with it.
const Schema = `
CREATE TABLE outbox (
	id              INTEGER PRIMARY KEY AUTOINCREMENT,
	append_id       INTEGER NOT NULL,
	namespace       TEXT NOT NULL,
	path            TEXT NOT NULL,
	incarnation     TEXT,
	state           TEXT NOT NULL,
	created_at      INTEGER NOT NULL,
	idempotency_key TEXT NOT NULL,
	input           TEXT NOT NULL,
	error_code      TEXT,
	error_message   TEXT,
	type            TEXT AS (input ->> '$.type') VIRTUAL,
	payload         TEXT AS (input -> '$.payload') VIRTUAL,
	metadata        TEXT AS (input -> '$.metadata') VIRTUAL,
	UNIQUE (namespace, path, idempotency_key)
) STRICT;

CREATE INDEX outbox_by_append ON outbox (append_id);
`
