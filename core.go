package millpond

import "encoding/json"

// The core event types: those that the stream engine itself writes or understands. A client may append only those
// marked (client).
const (
	TypeCreated         = SystemPrefix + "created"          // the first event; payload CreatedPayload
	TypeWoken           = SystemPrefix + "woken"            // a process loaded the stream; payload WokenPayload
	TypePaused          = SystemPrefix + "paused"           // (client) appends fail from here on; payload PausedPayload
	TypeResumed         = SystemPrefix + "resumed"          // (client) appends are taken again
	TypeErrorOccurred   = SystemPrefix + "error-occurred"   // something that works on the stream failed
	TypeConfigured      = SystemPrefix + "configured"       // (client) stream options; payload a JSON object, replaces the config
	TypeMetadataUpdated = SystemPrefix + "metadata-updated" // (client) payload a JSON object, replaces the metadata
)

// ClientType reports whether a client may append events of the core type.
func ClientType(coreType string) bool {
	switch coreType {
	case TypePaused, TypeResumed, TypeConfigured, TypeMetadataUpdated, TypeSubscriptionConfigured:
		return true
	}
	return false
}

// AllowedWhilePaused reports whether an event of the type may be appended to a paused stream.
func AllowedWhilePaused(eventType string) bool {
	switch eventType {
	case TypeResumed, TypeErrorOccurred, TypeWoken, TypeProcessorRegistered:
		return true
	}
	return false
}

// CreatedPayload is the payload of stream/created. The ID is random: two streams created at the same time have
// different logs, and so different hashes.
type CreatedPayload struct {
	Namespace string `json:"namespace"`
	Path      string `json:"path"`
	ID        string `json:"id"`
}

// WokenPayload is the payload of stream/woken. IncarnationID is random, new for each process that loads the stream.
type WokenPayload struct {
	IncarnationID string `json:"incarnationId"`
}

// PausedPayload is the payload of stream/paused.
type PausedPayload struct {
	Reason string `json:"reason"`
}

// StateVersion is the version of State and its reducer: a snapshot of another version is made again from the log.
const StateVersion = 2

// State is the core reduced state of a stream: the fold of its events by Reduce.
type State struct {
	Namespace     string          `json:"namespace"`
	Path          string          `json:"path"`
	CreatedAt     Incarnation     `json:"createdAt"`
	IncarnationID string          `json:"incarnationId"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	Config        json.RawMessage `json:"config,omitempty"`
	EventCount    uint64          `json:"eventCount"`
	MaxOffset     uint64          `json:"maxOffset"`
	Paused        bool            `json:"paused"`
	PauseReason   string          `json:"pauseReason,omitempty"`

	Subscriptions map[string]OutboundSubscription `json:"subscriptions,omitempty"` // outbound ones, by key
	Processors    map[string]Contract             `json:"processors,omitempty"`    // that have run on the stream, by slug
}

// Reduce is the state after the event. It is pure. A core event with a payload that it cannot read changes only the
// counts: the log is the truth, and it has been validated on its way in.
func (s State) Reduce(e *Event) State {
	s.EventCount++
	s.MaxOffset = e.Offset
	switch e.Type {
	case TypeCreated:
		var p CreatedPayload
		if json.Unmarshal(e.Payload, &p) == nil {
			s.Namespace, s.Path = p.Namespace, p.Path
		}
		s.CreatedAt = IncarnationOf(e.CreatedAt)
	case TypeWoken:
		var p WokenPayload
		if json.Unmarshal(e.Payload, &p) == nil {
			s.IncarnationID = p.IncarnationID
		}
	case TypePaused:
		var p PausedPayload
		if json.Unmarshal(e.Payload, &p) == nil {
			s.Paused, s.PauseReason = true, p.Reason
		}
	case TypeResumed:
		s.Paused, s.PauseReason = false, ""
	case TypeConfigured:
		s.Config = e.Payload
	case TypeMetadataUpdated:
		s.Metadata = e.Payload
	case TypeSubscriptionConfigured:
		s = s.configureSubscription(e)
	case TypeProcessorRegistered:
		s = s.registerProcessor(e)
	}
	return s
}

// IsCore reports whether events of the type change more of a State than its counts.
func IsCore(eventType string) bool {
	switch eventType {
	case TypeCreated, TypeWoken, TypePaused, TypeResumed, TypeConfigured, TypeMetadataUpdated,
		TypeSubscriptionConfigured, TypeProcessorRegistered:
		return true
	}
	return false
}

// checkCore checks the payload of a core type that a client may append.
func (in *Input) checkCore() error {
	switch in.Type {
	case TypePaused:
		var p PausedPayload
		if in.Payload == nil || json.Unmarshal(in.Payload, &p) != nil || p.Reason == "" {
			return invalidEvent("payload", `must be an object with a reason, such as {"reason":"maintenance"}`)
		}
	case TypeConfigured, TypeMetadataUpdated:
		if len(in.Payload) == 0 || in.Payload[0] != '{' {
			return invalidEvent("payload", "must be a JSON object")
		}
	case TypeSubscriptionConfigured:
		if in.Payload == nil {
			return invalidEvent("payload", `is required, such as {"key":"breaker","processor":"circuit-breaker"}`)
		}
		_, err := parseSubscriptionConfigured(in.Payload)
		return err
	}
	return nil
}
