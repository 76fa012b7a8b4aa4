package millpond

import (
	"encoding/json"
	"slices"
)

// The core event types: those that the stream engine itself writes or understands. A client may append only those
// marked (client).
const (
	TypeCreated                = SystemPrefix + "created"                 // the first event; payload CreatedPayload
	TypeWoken                  = SystemPrefix + "woken"                   // a process loaded the stream; payload WokenPayload
	TypePaused                 = SystemPrefix + "paused"                  // (client) appends fail from here on; payload PausedPayload
	TypeResumed                = SystemPrefix + "resumed"                 // (client) appends are taken again
	TypeErrorOccurred          = SystemPrefix + "error-occurred"          // something that works on the stream failed
	TypeConfigured             = SystemPrefix + "configured"              // (client) stream options; payload a JSON object, replaces the config
	TypeMetadataUpdated        = SystemPrefix + "metadata-updated"        // (client) payload a JSON object, replaces the metadata
	TypeChildStreamCreated     = SystemPrefix + "child-stream-created"    // a stream below this one was created; payload ChildStreamCreatedPayload
	TypeSubscriberConnected    = SystemPrefix + "subscriber-connected"    // payload SubscriberConnectedPayload
	TypeSubscriberDisconnected = SystemPrefix + "subscriber-disconnected" // payload SubscriberDisconnectedPayload
)

// clientTypes are the core types that a client may append.
var clientTypes = []string{TypePaused, TypeResumed, TypeConfigured, TypeMetadataUpdated, TypeSubscriptionConfigured}

// ClientTypes are the core types that a client may append: all of them, and no others.
func ClientTypes() []string { return slices.Clone(clientTypes) }

// ClientType reports whether a client may append events of the core type.
func ClientType(coreType string) bool { return slices.Contains(clientTypes, coreType) }

// AllowedWhilePaused reports whether an event of the type may be appended to a paused stream: that which resumes it, and
// the facts that the engine itself records.
func AllowedWhilePaused(eventType string) bool {
	switch eventType {
	case TypeResumed, TypeErrorOccurred, TypeWoken, TypeSubscriberConnected, TypeSubscriberDisconnected, TypeChildStreamCreated,
		TypeProcessorRegistered:
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

// ChildStreamCreatedPayload is the payload of stream/child-stream-created: the path of a stream below, at any depth.
type ChildStreamCreatedPayload struct {
	ChildPath string `json:"childPath"`
}

// SubscriberConnectedPayload is the payload of stream/subscriber-connected.
type SubscriberConnectedPayload struct {
	Key           string    `json:"key"` // tells the subscribers of the stream apart
	Direction     Direction `json:"direction"`
	Subscriber    string    `json:"subscriber,omitempty"` // describes it, for people
	IncarnationID string    `json:"incarnationId"`        // of the run of the stream that it is connected to, as in stream/woken
	Processor     *Contract `json:"processor,omitempty"`  // nil: it is no processor
}

// SubscriberDisconnectedPayload is the payload of stream/subscriber-disconnected.
type SubscriberDisconnectedPayload struct {
	Key           string           `json:"key"`
	IncarnationID string           `json:"incarnationId"`
	Reason        DisconnectReason `json:"reason"`
}

// Direction says which side began a connection between a stream and a subscriber.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"  // the subscriber came to the stream
	Outbound Direction = "outbound" // the stream went to the subscriber
)

// DisconnectReason is why a subscriber is no longer connected.
type DisconnectReason string

// The reasons.
const (
	DisconnectReplaced            DisconnectReason = "replaced"             // another one with the same key took its place
	DisconnectUnsubscribed        DisconnectReason = "unsubscribed"         // it asked for it
	DisconnectConnectionBroken    DisconnectReason = "connection-broken"    // it is gone
	DisconnectSubscriptionRemoved DisconnectReason = "subscription-removed" // the stream no longer wants it
)

// IsCore reports whether events of the type change more of a State than its counts.
func IsCore(eventType string) bool {
	switch eventType {
	case TypeCreated, TypeWoken, TypePaused, TypeResumed, TypeConfigured, TypeMetadataUpdated,
		TypeChildStreamCreated, TypeSubscriberConnected, TypeSubscriberDisconnected,
		TypeSubscriptionConfigured, TypeProcessorRegistered:
		return true
	}
	return false
}

// checkCore checks the payload of a core type that a client may append.
func (in *Input) checkCore() error {
	if ClientType(in.Type) && len(in.Payload) > MaxCorePayloadBytes { // it becomes a part of the state
		return tooLarge("payload", len(in.Payload), MaxCorePayloadBytes)
	}
	switch in.Type {
	case TypePaused:
		var p PausedPayload
		if in.Payload == nil || json.Unmarshal(in.Payload, &p) != nil || p.Reason == "" {
			return invalidEvent("payload", `must be an object with a reason, such as {"reason":"maintenance"}`)
		}
		if len(p.Reason) > MaxPauseReasonBytes {
			return tooLarge("payload.reason", len(p.Reason), MaxPauseReasonBytes)
		}
	case TypeConfigured:
		return in.checkConfig()
	case TypeMetadataUpdated:
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
