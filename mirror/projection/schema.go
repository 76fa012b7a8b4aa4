package projection

// Schema makes the tables in a database that has none of them. It is a part of the mirror's schema, and versioned with it.
const Schema = `
CREATE TABLE projection_versions (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	name       TEXT NOT NULL,
	version    TEXT NOT NULL,
	definition TEXT NOT NULL,
	serving    INTEGER NOT NULL,
	tables     TEXT NOT NULL,
	UNIQUE (name, serving)
) STRICT;

CREATE TABLE projection_positions (
	stream_id    INTEGER NOT NULL,
	version_id   INTEGER NOT NULL,
	incarnation  TEXT NOT NULL,
	offset       INTEGER NOT NULL,
	error_offset INTEGER,
	error        TEXT,
	PRIMARY KEY (stream_id, version_id)
) STRICT, WITHOUT ROWID;

CREATE VIEW projections AS
SELECT v.name, v.version, v.serving, s.id AS stream_id, s.namespace, s.path, coalesce(p.offset, 0) AS offset,
	CASE WHEN p.error IS NOT NULL THEN 'failed' WHEN coalesce(p.offset, 0) < s.offset THEN 'building' ELSE 'current' END AS state,
	p.error_offset, p.error
FROM projection_versions AS v CROSS JOIN streams AS s
LEFT JOIN projection_positions AS p ON p.version_id = v.id AND p.stream_id = s.id;
`
