package circuitbreaker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond"
)

// Slug names the processor in subscriptions.
const Slug = "circuit-breaker"

// TypeConfigured is the event type of its settings; the payload is Settings. What is not valid changes nothing.
const TypeConfigured = "circuit-breaker/configured"

// Processor is the circuit breaker.
type Processor struct{}

// State is the bucket of a stream.
type State struct {
	Bucket    *bucket `json:"bucket"`              // nil: no event yet
	TrippedAt uint64  `json:"trippedAt,omitempty"` // offset of the first event that found no token; 0: it has not tripped
	Paused    bool    `json:"paused,omitempty"`    // the stream is
}

var _ millpond.EventProcessor[State] = Processor{}

// Contract says that it sees all events and appends stream/paused.
func (Processor) Contract() millpond.Contract {
	return millpond.Contract{Slug: Slug, Version: "1", Consumes: []string{"*"}, Emits: []string{millpond.TypePaused}}
}

// Reduce takes a token for each event that a pause would hold back.
func (Processor) Reduce(s State, e *millpond.Event) State {
	b := newBucket(Settings{DefaultBurstCapacity, DefaultRefillPerMinute})
	if s.Bucket != nil {
		b = *s.Bucket
	}
	switch {
	case e.Type == TypeConfigured:
		var settings Settings
		if json.Unmarshal(e.Payload, &settings) == nil && settings.valid() {
			b = b.configure(settings)
		}
	case e.Type == millpond.TypePaused:
		s.Paused = true
	case e.Type == millpond.TypeResumed: // a new start, with a full bucket
		b.Level, s.Paused, s.TrippedAt = b.BurstCapacity*token, false, 0
	case !millpond.AllowedWhilePaused(e.Type):
		var ok bool
		if b, ok = b.take(e.CreatedAt); !ok && s.TrippedAt == 0 {
			s.TrippedAt = e.Offset
		}
	}
	s.Bucket = &b
	return s
}

// ProcessEvent pauses the stream for as long as the breaker has tripped: it looks at the level, not the edge, so it does so also
// when the breaker has tripped before the processor acted at all. Each trip pauses once.
func (Processor) ProcessEvent(ctx context.Context, fx millpond.Effects, step millpond.Step[State]) error {
	s := step.After
	if s.TrippedAt == 0 || s.Paused {
		return nil
	}
	payload, err := json.Marshal(millpond.PausedPayload{Reason: fmt.Sprintf(
		"circuit breaker: too many events at offset %d: more than %d at once and %d a minute; append %s when the cause is gone",
		s.TrippedAt, s.Bucket.BurstCapacity, s.Bucket.RefillPerMinute, millpond.TypeResumed)})
	if err != nil {
		return err
	}
	_, err = fx.Append(ctx, millpond.Input{
		Type:           millpond.TypePaused,
		Payload:        payload,
		IdempotencyKey: fmt.Sprintf("tripped/%d", s.TrippedAt),
	})
	if errors.Is(err, millpond.StreamPaused) {
		return nil // by somebody else: just as well
	}
	return err
}
