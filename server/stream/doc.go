// Package stream is the engine: it takes appends, gives them their place in a stream's log, makes them durable, and
// lets subscribers follow.
//
// All appends of all streams go through one committer goroutine. It takes what has queued up, plans it against the
// streams' heads, commits it in one store transaction, and only then changes what is in memory, acknowledges, and
// wakes the subscribers. So nothing is acknowledged or delivered that is not durable, and a commit that fails leaves
// no trace.
//
// A subscription is a cursor. It reads what follows the cursor, from the stream's tail in memory or, when that no
// longer reaches back so far, from the store; at the end of the log it parks until the next commit. Replay and live
// are one path, so there is neither a gap nor a duplicate between them, and a slow subscriber holds no memory but its
// cursor.
//
// A stream is loaded into memory when it is first appended to or subscribed to; that commits a stream/woken event,
// and before it, for a new stream, stream/created. Reading neither creates nor wakes a stream.
package stream
