package host

import (
	"time"

	"github.com/millpond-dev/millpond"
)

// Status describes a subscription's processor as it runs.
type Status struct {
	Processor  millpond.ProcessorID `json:"processor"` // without a version when it is not registered
	Phase      Phase                `json:"phase"`
	Generation uint64               `json:"generation"` // begins with 1; another one after each failure
	Anchor     uint64               `json:"anchor"`     // it acts on events after this offset
	Offset     uint64               `json:"offset"`     // that it is at
	Checkpoint uint64               `json:"checkpoint"` // that it would begin again from
	Lag        uint64               `json:"lag"`        // events of the stream after Offset
	Failures   int                  `json:"failures"`   // in a row
	LastError  string               `json:"lastError,omitempty"`
	FailedAt   *time.Time           `json:"failedAt,omitempty"` // when LastError was
	BusySince  *time.Time           `json:"busySince,omitempty"`
	Background int                  `json:"background,omitempty"` // work in the background that runs
}

// Phase is what a processor is doing.
type Phase string

// The phases.
const (
	Starting     Phase = "starting"     // reading its checkpoint
	CatchingUp   Phase = "catching-up"  // it has not seen the end of the stream yet
	Live         Phase = "live"         // at the end of the stream, or near
	BackingOff   Phase = "backing-off"  // after a failure, before the next attempt
	Failed       Phase = "failed"       // given up
	Stopping     Phase = "stopping"     // its call has not returned yet
	Unregistered Phase = "unregistered" // the server has no such processor
)

// AllPhases are the phases.
func AllPhases() []Phase {
	return []Phase{Starting, CatchingUp, Live, BackingOff, Failed, Stopping, Unregistered}
}
