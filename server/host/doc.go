// Package host runs processors on the streams of a server.
//
// A [Host] is a reconciler: for each stream that it is told of it reads the reduced state and makes what runs match the
// outbound subscriptions in it. It never looks at how that came about, so a start of the server, a subscription that was
// configured, a reset and a missed notice are all the same to it.
//
// What runs is, for each subscription, one goroutine. It follows the stream from its durable checkpoint, folds what it
// reads, lets the processor act, and then writes the next checkpoint: one batch after the other. After a failure it
// forgets everything in memory, waits, and begins another generation from the checkpoint. When the processor has failed
// maxAttempts times at the same event, the host says so in the stream, with stream/error-occurred, and ends the subscription's run until it is
// configured again or the server starts again. When something else has failed (the store, a paused stream) it tries for ever.
//
// Processors share nothing but the host's process: one that fails, panics, is slow or never returns holds up only itself.
package host
