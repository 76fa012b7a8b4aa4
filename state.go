package millpond

import (
	"encoding/json"
	"strings"
	"time"
)

// StateVersion is the version of State and its reducer: a snapshot of another version is made again from the log.
const StateVersion = 3

// State is the core reduced state of a stream: the fold of its events by Reduce. It is immutable: a copy of it stays
// what it is.
type State struct {
	Namespace     string                `json:"namespace"`
	Path          string                `json:"path"`
	CreatedAt     Incarnation           `json:"createdAt"`
	IncarnationID string                `json:"incarnationId"`
	Metadata      json.RawMessage       `json:"metadata,omitempty"`
	Config        json.RawMessage       `json:"config,omitempty"`
	EventCount    uint64                `json:"eventCount"`
	MaxOffset     uint64                `json:"maxOffset"`
	ChildPaths    PathSet               `json:"childPaths"` // immediate children only
	Paused        bool                  `json:"paused"`
	PauseReason   string                `json:"pauseReason,omitempty"`
	Connections   SortedMap[Connection] `json:"connections"` // by key; only those that the log records

	Subscriptions map[string]OutboundSubscription `json:"subscriptions,omitempty"` // outbound ones, by key
	Processors    map[string]Contract             `json:"processors,omitempty"`    // that have run on the stream, by slug
}

// Connection is a subscriber that is connected, as the log records it.
type Connection struct {
	Direction   Direction `json:"direction"`
	Subscriber  string    `json:"subscriber,omitempty"`
	Processor   *Contract `json:"processor,omitempty"`
	ConnectedAt time.Time `json:"connectedAt"`
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
		s.Connections = SortedMap[Connection]{} // those of the run before are gone with it
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
	case TypeChildStreamCreated:
		s.ChildPaths = s.withChild(e)
	case TypeSubscriberConnected, TypeSubscriberDisconnected:
		s.Connections = s.withPresence(e)
	case TypeSubscriptionConfigured:
		s = s.configureSubscription(e)
	case TypeProcessorRegistered:
		s = s.registerProcessor(e)
	}
	return s
}

// withChild is the children after a stream/child-stream-created: of a stream further below, the child on the way to it.
func (s *State) withChild(e *Event) PathSet {
	var p ChildStreamCreatedPayload
	if json.Unmarshal(e.Payload, &p) != nil {
		return s.ChildPaths
	}
	parent := strings.TrimSuffix(s.Path, "/") + "/"
	below, ok := strings.CutPrefix(p.ChildPath, parent)
	if !ok || below == "" {
		return s.ChildPaths
	}
	child, _, _ := strings.Cut(below, "/")
	return s.ChildPaths.With(parent + child)
}

// withPresence is the roster after a subscriber has come or gone.
func (s *State) withPresence(e *Event) SortedMap[Connection] {
	if e.Type == TypeSubscriberDisconnected {
		var p SubscriberDisconnectedPayload
		if json.Unmarshal(e.Payload, &p) != nil {
			return s.Connections
		}
		return s.Connections.Without(p.Key)
	}
	var p SubscriberConnectedPayload
	if json.Unmarshal(e.Payload, &p) != nil || p.Key == "" {
		return s.Connections
	}
	return s.Connections.With(p.Key, Connection{
		Direction: p.Direction, Subscriber: p.Subscriber, Processor: p.Processor, ConnectedAt: e.CreatedAt,
	})
}
