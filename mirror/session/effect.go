package session

import (
	"time"

	"github.com/millpond-dev/millpond"
)

// Effect is something that the shell must do. The types below are all there are.
type Effect interface{ effect() }

type (
	// GetToken asks for the token to show on the next connection. The shell answers with GotToken, unless Close comes first.
	GetToken struct {
		Epoch uint64
		Fresh bool // the server has refused the one before: a kept one will not do
	}
	// Dial opens a connection. Its inputs carry the epoch: Connected, then Received and Frame, and Disconnected last.
	Dial struct{ Epoch uint64 }
	// Close closes the connection, or gives the dial or the wait for a token up. What still comes of that epoch is ignored.
	Close struct {
		Epoch  uint64
		Code   int // of the websocket
		Reason string
	}
	// Send sends a control message.
	Send struct {
		Epoch   uint64
		Message millpond.Message
	}

	// Apply applies a batch to the copy of a stream, in one transaction. The shell answers with Applied or ApplyFailed.
	// There is at most one unanswered Apply a stream.
	Apply struct {
		Name        millpond.Name
		Incarnation millpond.Incarnation
		Batch       millpond.Batch
		// Rebuild: the batch begins at offset 0 and replaces the whole copy, in the same transaction.
		Rebuild bool
	}

	// AppendDone is the end of an append: Events, one for each input, or Err when the server will not take it.
	AppendDone struct {
		ID     uint64
		Events []millpond.Event
		Err    *millpond.Error
	}

	// Wake asks for a Tick at a time. It takes the place of the Wake before it: the shell needs one timer only. At is
	// Never when there is nothing to wait for.
	Wake struct{ At time.Duration }

	// StatusChanged says that Status answers something else than before.
	StatusChanged struct{}
)

// Never is the time of a Wake that has nothing to wait for.
const Never = time.Duration(1<<63 - 1)

func (GetToken) effect()      {}
func (Dial) effect()          {}
func (Close) effect()         {}
func (Send) effect()          {}
func (Apply) effect()         {}
func (AppendDone) effect()    {}
func (Wake) effect()          {}
func (StatusChanged) effect() {}
