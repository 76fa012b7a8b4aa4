package millpond

import "context"

// Processor folds the events of a stream into a state S, and may act on them: see [EventProcessor] and
// [BatchProcessor]. It runs in a server, in a mirror, or in any Go program; [Define] prepares it for its host.
//
// The zero S is the state before the first event. A host keeps states as JSON, so S must survive that: export its
// fields. A processor itself holds no state of a stream: one value serves many streams at the same time.
type Processor[S any] interface {
	Contract() Contract

	// Reduce is the state after the event. It is pure: the same arguments, the same result; no clock, no randomness, no
	// I/O. It must not change what state points to (a map, a slice): copy that first.
	Reduce(state S, e *Event) S
}

// EventProcessor is a Processor that acts on one event at a time, in order.
//
// The checkpoint passes the event when ProcessEvent has returned nil and all work that it gave to
// [Effects.BlockWhile] has, too. Until then the event comes again after a failure or a crash: an effect happens at
// least once. An error means "try again"; after several for the same event the host gives up.
type EventProcessor[S any] interface {
	Processor[S]
	ProcessEvent(ctx context.Context, fx Effects, step Step[S]) error
}

// BatchProcessor is a Processor that acts on several events at once, where that is cheaper. A batch succeeds or fails
// as a whole, and where one ends is by chance: it may be split another way when it comes again.
type BatchProcessor[S any] interface {
	Processor[S]
	ProcessBatch(ctx context.Context, fx Effects, steps []Step[S]) error
}

// Step is one event, and the state before and after it. An edge is what differs between the two; a level is what
// After says, whether it came about now or long ago.
type Step[S any] struct {
	Event         *Event
	Before, After S
}

// Effects are what a processor can do to the streams, and how its work is waited for. Use them only until the call
// that they were given to has returned: a superseded one's effects are refused.
type Effects interface {
	// Append appends to the stream that the processor follows, or to the one that Input.Stream names as seen from it, as one
	// atomic batch. The host names the processor as the source, and keeps its idempotency keys apart from those of others. An input without a key gets one that is made of
	// the event's offset and of how many appends came before it in the same call, so that a repeated call appends once.
	// In ProcessBatch, where no single event is the cause, each input needs its own key: see [Step.Key].
	Append(ctx context.Context, inputs ...Input) ([]Event, error)

	// BlockWhile runs work beside the call, and holds the checkpoint until it is done. Its failure is the call's.
	BlockWhile(work func(ctx context.Context, fx Effects) error)

	// Background runs work that the checkpoint does not wait for: it is lost when the host stops first, and its failure is
	// only reported. It waits for room when there is much of it.
	Background(work func(ctx context.Context, fx Effects) error)
}

// Contract declares what a processor is. It is public: a host publishes it in the streams.
type Contract struct {
	Slug     string   `json:"slug"`            // names the processor: 1–128 of a–z, 0–9, "-", "_" and "."
	Version  string   `json:"version"`         // of Reduce and S: when another one runs, the state is folded again
	Consumes []string `json:"consumes"`        // the event types that Reduce sees; "*": all
	Emits    []string `json:"emits,omitempty"` // the event types that it may append
}
