// Package millpond is the vocabulary that a Millpond server and its mirrors share: names, events, positions, the
// event record codec, the messages and frames of the sync protocol, the limits, and the errors.
//
// It holds no I/O and starts no goroutine. Everything in it builds natively and for GOOS=js. Everything that decodes
// is strict: what it does not know, it refuses (but for unknown fields of messages, so that later versions can add some),
// and it allocates no more than a small multiple of its input.
//
// A stream is an append-only log of events, named by a [Name]. An [Event] is immutable once committed and has an
// offset: 1-based, consecutive, without gaps. A [Position] says how far a copy of a stream has got, and of which
// incarnation of it, and a rolling [Hash] over every record up to there.
//
// The wire formats are specified in docs/protocol.md; testdata holds golden vectors that any other implementation can
// be tested with.
package millpond
