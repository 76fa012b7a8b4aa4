// Package outbox keeps the appends of a mirror until the server has them: in a table of the mirror's database, so that
// they survive a reload, a crash and a power cut.
//
// An append is a row an event, all with the append's id. It is durable once [Outbox.Add] has returned. It is confirmed, and
// its rows are gone, when its events have come back through the stream: the rows go in the transaction that stores the
// events ([Outbox.Event]), so that SQL sees an event as pending or as committed, never as both and never as neither. One
// that the server refuses is kept with the reason, until its user sends it again or drops it.
//
// # Incarnations
//
// An append is meant for the incarnation of the stream that its user saw. When the copy is replaced by that of another one
// the append is quarantined: it is not sent, and not lost.
//
// # Schema
//
//	outbox  id, append_id, namespace, path, incarnation, state, created_at, idempotency_key, input, error_code,
//	        error_message; from the input: type, payload, metadata
//
// The input is the event's JSON as it is sent. [State] has the states.
//
// An Outbox is for one goroutine at a time, as the connection is.
package outbox
