package session

import (
	"time"

	"github.com/millpond-dev/millpond"
)

// Status is a snapshot of a session.
type Status struct {
	Phase   Phase
	Epoch   uint64
	Problem *Problem      // why there is no connection; nil while there is one
	RetryAt time.Duration // when the next attempt is planned; Never: none is
	Streams []StreamStatus
}

// Phase is what a session does about its connection.
type Phase string

// The phases.
const (
	PhaseIdle         Phase = "idle"         // not started
	PhaseConnecting   Phase = "connecting"   // for the first time
	PhaseConnected    Phase = "connected"    // the server has welcomed the mirror
	PhaseReconnecting Phase = "reconnecting" // lost, or could not be made; tried again by itself
	PhaseStopped      Phase = "stopped"      // refused in a way that trying again does not change
	PhaseClosed       Phase = "closed"
)

// StreamStatus is a snapshot of a stream.
type StreamStatus struct {
	Name      millpond.Name
	State     State
	Position  millpond.Position // of the copy
	MaxOffset uint64            // of the log, as far as the server has told
	Problem   *Problem          // why it failed; nil since a batch was applied
	RetryAt   time.Duration     // when the next attempt is planned; Never: none is
}

// State is what happens to the copy of a stream.
type State string

// The states.
const (
	Subscribing State = "subscribing" // not asked for, or not answered yet
	Subscribed  State = "subscribed"  // batches are applied as they come
	Rebuilding  State = "rebuilding"  // the next batch replaces the copy
	Failed      State = "failed"
)

// Status is the state as people see it. Streams are ordered by name.
func (m *Machine) Status() Status {
	status := Status{Phase: m.visiblePhase(), Epoch: m.epoch, Problem: m.problem, RetryAt: m.reconnectAt}
	for _, s := range m.ordered() {
		if s.wanted {
			status.Streams = append(status.Streams, StreamStatus{Name: s.name, State: s.state(), Position: s.position,
				MaxOffset: s.maxOffset, Problem: s.problem, RetryAt: s.retryAt})
		}
	}
	return status
}

func (m *Machine) visiblePhase() Phase {
	switch m.phase {
	case idle:
		return PhaseIdle
	case ready:
		return PhaseConnected
	case stopped:
		return PhaseStopped
	case closed:
		return PhaseClosed
	}
	if m.greeted || m.attempts > 0 {
		return PhaseReconnecting
	}
	return PhaseConnecting
}

func (s *stream) state() State {
	switch {
	case s.problem != nil:
		return Failed
	case !s.sub.answered:
		return Subscribing
	case s.sub.replace && s.position.Offset > 0:
		return Rebuilding
	}
	return Subscribed
}
