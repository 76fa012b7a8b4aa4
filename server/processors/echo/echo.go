// Package echo is a processor to copy from: it answers each echo/requested with an echo/replied of the same payload, and counts
// them.
//
//	stream/subscription-configured  {"key": "echo", "processor": "echo"}
//	echo/requested                  {"say": "hello"}
package echo

import (
	"context"

	"github.com/millpond-dev/millpond"
)

// The event types.
const (
	TypeRequested = "echo/requested" // any payload
	TypeReplied   = "echo/replied"   // the same payload
)

// Processor is the echo. It has no fields: what it knows of a stream is in State.
type Processor struct{}

// State is what it knows of a stream.
type State struct {
	Replies int `json:"replies"`
}

// The compiler checks the signatures: a ProcessEvent with another one would never be called.
var _ millpond.EventProcessor[State] = Processor{}

// Contract declares what it is, reads and writes.
func (Processor) Contract() millpond.Contract {
	return millpond.Contract{Slug: "echo", Version: "1", Consumes: []string{TypeRequested}, Emits: []string{TypeReplied}}
}

// Reduce counts. It is pure: it is called for the whole history, perhaps more than once.
func (Processor) Reduce(s State, _ *millpond.Event) State {
	s.Replies++
	return s
}

// ProcessEvent replies. It may be called again for the same event, after a failure or a crash: the append gets its
// idempotency key from the event, so that there is one reply.
func (Processor) ProcessEvent(ctx context.Context, fx millpond.Effects, step millpond.Step[State]) error {
	_, err := fx.Append(ctx, millpond.Input{Type: TypeReplied, Payload: step.Event.Payload})
	return err
}
