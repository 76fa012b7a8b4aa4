package millpond

import (
	"encoding/json"
	"maps"
	"strconv"
)

// The core event types of outbound subscriptions: those by which the server brings a stream's events to a processor.
const (
	TypeSubscriptionConfigured = SystemPrefix + "subscription-configured" // (client) payload SubscriptionConfiguredPayload
	TypeProcessorRegistered    = SystemPrefix + "processor-registered"    // a version of a processor runs here; payload Contract
)

// SubscriptionConfiguredPayload is the payload of stream/subscription-configured: which processor runs under a key. A later one with
// the same key replaces it; without a processor (null) it removes the subscription.
type SubscriptionConfiguredPayload struct {
	Key       string  `json:"key"`       // 1–128 bytes
	Processor *string `json:"processor"` // slug of a processor that is registered in the server; null: none
	// Anchor is the offset after which the processor acts: events up to it are only folded into its state. When it is
	// given, the processor begins anew; when not, it goes on from its checkpoint, and a new one acts after this event.
	Anchor *uint64 `json:"anchor,omitempty"`
}

// OutboundSubscription is a subscription of a State.
type OutboundSubscription struct {
	Processor    string  `json:"processor"`        // slug
	ConfiguredAt uint64  `json:"configuredAt"`     // offset of the event that configured it last
	Anchor       *uint64 `json:"anchor,omitempty"` // as it was given there
}

// ErrorOccurredPayload is the payload of stream/error-occurred.
type ErrorOccurredPayload struct {
	Message      string       `json:"message"`                // for people
	Subscription string       `json:"subscription,omitempty"` // key of the outbound subscription that has ended
	Processor    *ProcessorID `json:"processor,omitempty"`
	Offset       uint64       `json:"offset,omitempty"` // of the event that cannot be processed
	Attempts     int          `json:"attempts,omitempty"`
}

// parseSubscriptionConfigured reads the payload strictly: a member that is not known or is missing is an error.
func parseSubscriptionConfigured(payload json.RawMessage) (p SubscriptionConfiguredPayload, err error) {
	said := false
	if err := checkSyntax(payload); err != nil {
		return p, within("payload", err)
	}
	err = decodeObject(payload, func(key string, value json.RawMessage) error {
		switch key {
		case "key":
			return decodeString(key, value, &p.Key)
		case "processor":
			said = true
			if string(value) == "null" {
				return nil
			}
			p.Processor = new(string)
			if err := decodeString(key, value, p.Processor); err != nil {
				return err
			}
			return checkText(key, *p.Processor, MaxSlugBytes)
		case "anchor":
			p.Anchor = new(uint64)
			if json.Unmarshal(value, p.Anchor) != nil || string(value) == "null" {
				return invalidEvent(key, "must be an offset: a whole number, 0 or more")
			}
			return nil
		}
		return invalidEvent(clip(key), "is not known: use key, processor and anchor")
	})
	switch {
	case err != nil:
	case !said:
		err = invalidEvent("processor", "is required: the slug of a processor, or null to remove the subscription")
	default:
		err = checkText("key", p.Key, MaxSubscriptionKeyBytes)
	}
	return p, within("payload", err)
}

// configureSubscription is the state after stream/subscription-configured.
func (s State) configureSubscription(e *Event) State {
	p, err := parseSubscriptionConfigured(e.Payload)
	if err != nil {
		return s
	}
	subscriptions := maps.Clone(s.Subscriptions)
	if p.Processor == nil {
		delete(subscriptions, p.Key)
	} else {
		if subscriptions == nil {
			subscriptions = make(map[string]OutboundSubscription)
		}
		subscriptions[p.Key] = OutboundSubscription{Processor: *p.Processor, ConfiguredAt: e.Offset, Anchor: p.Anchor}
	}
	if len(subscriptions) == 0 {
		subscriptions = nil
	}
	s.Subscriptions = subscriptions
	return s
}

// registerProcessor is the state after stream/processor-registered.
func (s State) registerProcessor(e *Event) State {
	var c Contract
	if json.Unmarshal(e.Payload, &c) != nil || c.Slug == "" {
		return s
	}
	processors := maps.Clone(s.Processors)
	if processors == nil {
		processors = make(map[string]Contract)
	}
	processors[c.Slug] = c
	s.Processors = processors
	return s
}

// CheckSubscription checks an input against the state that it is appended to: how many outbound subscriptions a stream may have
// is limited. The input must be valid.
func (s *State) CheckSubscription(in *Input) error {
	if in.Type != TypeSubscriptionConfigured {
		return nil
	}
	p, err := parseSubscriptionConfigured(in.Payload)
	if err != nil {
		return err
	}
	if _, known := s.Subscriptions[p.Key]; p.Processor != nil && !known && len(s.Subscriptions) >= MaxOutboundSubscriptions {
		return invalidEvent("payload.key", "the stream has "+strconv.Itoa(MaxOutboundSubscriptions)+
			" subscriptions already, the most it can have: remove one first")
	}
	if p.Anchor != nil && *p.Anchor > s.MaxOffset {
		return invalidEvent("payload.anchor", "is past the end of the stream, which is at "+strconv.FormatUint(s.MaxOffset, 10))
	}
	return nil
}

// ConfiguredProcessor is the slug that a valid stream/subscription-configured names; empty for any other input.
func (in *Input) ConfiguredProcessor() string {
	if in.Type != TypeSubscriptionConfigured {
		return ""
	}
	if p, err := parseSubscriptionConfigured(in.Payload); err == nil && p.Processor != nil {
		return *p.Processor
	}
	return ""
}
