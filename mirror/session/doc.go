// Package session decides what a mirror does: when to connect, probe and give up, what to subscribe to from where, which
// batch to apply next, how much the server may send, which append to send again. It is a pure state machine: no clock,
// no goroutine, no I/O, so that a test can drive it through any order of events.
//
//	effects := machine.Step(now, input)
//
// The caller, called the shell, carries the effects out in order, and brings back what comes of them as further inputs.
//
// # Connections
//
// Each attempt to connect has an epoch. The shell says with each input from a connection which epoch it is of; those of
// any but the open one change nothing. There is one way from a lost connection to the next: wait, with a backoff that
// grows until a batch has been applied, then dial. All waiting is one timer, see [Wake].
// Where there are tokens, each attempt begins by asking for one, and a connection that the server ends because of its token is
// one more that is lost: the next token is to be a fresh one.
//
// # Streams
//
// A stream is subscribed to from the position of its copy. At most one batch of a stream is with the shell; more wait in
// the machine, and the server's credit bounds them. While one is with the shell the position is not known, so
// that a new subscription waits for its result. A batch that could not be applied ends the subscription; after a backoff
// the machine subscribes again from the position before it. When batches do not fit the copy several times in a row the
// copy itself is mistrusted, and replaced from offset 0.
//
// # Appends
//
// An append is kept until the server has answered. On each new connection those without an answer are sent again, in
// order; their idempotency keys make that harmless. An append fails only by an answer that says that it will fail again; one
// that says "not now" costs the connection, and all of them are sent again on the next, in order.
package session
