// Package replica is the database of a mirror: copies of streams in SQLite tables, and for each the position up to which
// it is a copy.
//
// A batch of events and the position after it are written in one transaction ([Replica.Apply]). So a copy is at every
// moment an exact prefix of one incarnation of its stream, whatever fails and wherever: what did not commit did not
// happen, and the next batch continues after the position. A copy of something else is replaced in one transaction
// ([Replica.Rebuild]).
//
// # Schema
//
// The schema is public: users write SQL on it. It has a version, [SchemaVersion], in PRAGMA user_version, and
// [ApplicationID] in PRAGMA application_id. A database of another version is not converted but deleted, and filled again
// from the server. docs/schema.md explains it with examples; in short:
//
//	streams  one row a stream: id, namespace, path, incarnation, offset, hash, max_offset
//	events   one row an event: stream_id, offset, local_index (offset - 1), type, created_at, inserted_at,
//	         idempotency_key, source_slug, source_version, hash, metadata, payload
//	log      a view of events with the stream's name, ISO times, and JSON as text
//	outbox   the appends that the server may not have yet: see package outbox
//	projections  how far each projection has got with each stream: see package projection
//	meta     key, value: replica_id
//
// Times are integers, microseconds since 1970 UTC. Payload and metadata are JSONB: payload ->> '$.field' reads a field,
// json(payload) is the text. Events are indexed by (stream_id, offset) and by (stream_id, type, local_index).
package replica
