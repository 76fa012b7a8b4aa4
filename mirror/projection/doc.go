// Package projection makes tables of a mirror's events, in the transaction that stores the events: what an application asks for
// again and again is there as rows, exact at every moment.
//
// A [Projection] is a value: the tables that it owns, the event types that it consumes, and a function from events to rows. It is
// written in Go, or declared as SQL statements by event type ([SQL]); a [millpond.Processor] is made one by [FromProcessor].
// docs/projections.md is the guide.
//
// # What is promised
//
// The rows of a projection are at every moment the fold of a prefix of each stream, up to the position that the view
// projections tells. Batches may be split any way, fail, and come again: the rows are those of one fold, event by event. For that
// every owned table has a column stream_id, rows of a stream depend on events of that stream only, and a projection reads nothing but
// its own tables.
//
// A version that is new is folded from the events in the mirror, in slices between which others work, beside the tables of
// the version before, which are served as they are until the new ones take their place in one transaction. A projection that
// fails stops at its position with the reason; it harms neither the events nor its neighbours.
//
// # Schema
//
//	projection_versions   one row a version: its name, version, definition, and the tables that it owns
//	projection_positions  one row a version and stream: how far it is, and why it is not further
//	projections           a view of both for people
//
// A [Set] is for one goroutine at a time, as the connection is.
package projection
