package stream

import (
	"context"
	"log/slog"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Options configure an Engine. Only Store is needed.
type Options struct {
	Store  store.Store      // the caller closes it, after the engine
	Logger *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now
}

// Engine holds the streams of one store. All of it may be used concurrently.
type Engine struct {
}

// Open starts an engine. Close it.
func Open(opts Options) (*Engine, error) { panic("to come") }

// Close stops taking appends, commits those that are queued, and ends all subscriptions with [millpond.Unavailable].
func (e *Engine) Close(ctx context.Context) error { panic("to come") }

// Append appends the inputs as one atomic batch and returns the events, one for each input, once they are durable.
// The inputs must be valid. It creates the stream when there is none.
//
// Errors are *millpond.Error: [millpond.OffsetConflict], [millpond.StreamPaused], [millpond.Unavailable],
// [millpond.Internal]. When ctx ends first, the events may have been appended or not.
func (e *Engine) Append(ctx context.Context, name millpond.Name, inputs []millpond.Input) ([]millpond.Event, error) {
	panic("to come")
}

// ReadOptions say what to read.
type ReadOptions struct {
	After, Before uint64   // exclusive; 0: none
	Limit         int      // most events, up to MaxReadEvents; 0: DefaultReadEvents
	Types         []string // event types to return; empty or "*": all
}

// Read returns the first events of the range, in order. It may return fewer than Limit when they are large; none
// means that there is nothing more.
func (e *Engine) Read(ctx context.Context, name millpond.Name, opts ReadOptions) ([]millpond.Event, error) {
	panic("to come")
}

// Event returns the event at the offset.
func (e *Engine) Event(ctx context.Context, name millpond.Name, offset uint64) (millpond.Event, error) {
	panic("to come")
}

// EventByKey returns the event with the idempotency key.
func (e *Engine) EventByKey(ctx context.Context, name millpond.Name, key string) (millpond.Event, error) {
	panic("to come")
}

// State returns the stream's reduced state and what is connected to it.
func (e *Engine) State(ctx context.Context, name millpond.Name) (millpond.State, Runtime, error) {
	panic("to come")
}

// Runtime is what a stream has in memory only.
type Runtime struct {
	Connections map[string]Connection `json:"connections"` // live subscriptions by key
}

// Connection describes a live subscription.
type Connection struct {
	Direction    string     `json:"direction"` // "inbound": the subscriber came to the stream
	StartedAt    time.Time  `json:"startedAt"`
	Cursor       uint64     `json:"cursor"` // offset that it has read up to
	Batches      uint64     `json:"batches"`
	Events       uint64     `json:"events"`
	LastDelivery *time.Time `json:"lastDelivery,omitempty"`
}

// Reset deletes all events of the stream and begins another incarnation of it. Live subscriptions end with
// [millpond.EndReset].
func (e *Engine) Reset(ctx context.Context, name millpond.Name) error { panic("to come") }

// Kill drops the stream from memory. Live subscriptions end with [millpond.EndKilled]; the next append or
// subscription loads and wakes the stream again.
func (e *Engine) Kill(ctx context.Context, name millpond.Name) error { panic("to come") }

// SubscribeOptions say where to begin, and what to leave out.
type SubscribeOptions struct {
	After *uint64 // offset to replay after, exclusive; 0: from the start; nil: only what is new

	// With After, the incarnation and hash of the subscriber's copy at that offset. Empty and nil: not checked.
	Incarnation millpond.Incarnation
	Hash        *millpond.Hash

	Types []string // event types to deliver; empty or "*": all
	Key   string   // replaces the stream's older subscription with the same key; empty: replaces none
}

// Subscribe follows a stream. It creates the stream when there is none. ctx is that of the call, not of the subscription: Close it.
func (e *Engine) Subscribe(ctx context.Context, name millpond.Name, opts SubscribeOptions) (*Subscription, error) {
	panic("to come")
}

// Subscription is a cursor in a stream. Start and Close may be called at any time, Next from one goroutine.
type Subscription struct {
}

// Start says where a subscription begins.
type Start struct {
	Rebuild     millpond.RebuildReason // why the subscriber's copy is no prefix of the log; empty: it is, or it has none
	Incarnation millpond.Incarnation
	After       uint64        // offset that the first batch follows; 0 after a Rebuild
	Hash        millpond.Hash // at After
	MaxOffset   uint64        // of the stream when it was subscribed to
}

// Start says where the subscription begins.
func (s *Subscription) Start() Start { panic("to come") }

// Next waits until there is something after the cursor and returns it, moving the cursor. Records are at most
// maxBytes, but one record at least. They are shared with other subscribers: do not change them. With a filter, a batch
// may hold no record and only move the checkpoint. Batch.Subscription is not set. When the subscription has ended it
// fails with an *EndError; when the engine has, with [millpond.Unavailable].
func (s *Subscription) Next(ctx context.Context, maxBytes int) (millpond.Batch, error) {
	panic("to come")
}

// Close ends the subscription: Next fails with [millpond.EndUnsubscribed]. It may be called again.
func (s *Subscription) Close() { panic("to come") }

// EndError says why a subscription has ended.
type EndError struct{ Reason millpond.EndReason }

func (e *EndError) Error() string { return "subscription ended: " + string(e.Reason) }
