package conn

import (
	"fmt"

	"github.com/millpond-dev/millpond"
)

// Event is what a connection reports: Opened, then any number of Message, Batch and Part, and at the end, always and once,
// Closed.
type Event interface{ event() }

type (
	// Opened says that the websocket is open.
	Opened struct{}
	// Message is a control message.
	Message struct{ Message millpond.Message }
	// Batch is a batch frame of Bytes bytes.
	Batch struct {
		Batch millpond.Batch
		Bytes int
	}
	// Part is a frame of Bytes bytes with a part of a record.
	Part struct {
		Part  millpond.Part
		Bytes int
	}
	// Closed says that the dial has failed or that the connection is over.
	Closed struct {
		Code int // the websocket's close code, or that of the HTTP status with which the server refused; 0: none
		Err  error
	}
)

func (Opened) event()  {}
func (Message) event() {}
func (Batch) event()   {}
func (Part) event()    {}
func (Closed) event()  {}

// closeError is the other side's close.
type closeError struct {
	code   int
	reason string
}

func (e *closeError) Error() string {
	if e.reason == "" {
		return fmt.Sprintf("the connection was closed with code %d", e.code)
	}
	return fmt.Sprintf("the connection was closed with code %d: %s", e.code, e.reason)
}

// decode makes the event of a message.
func decode(binary bool, data []byte) (Event, error) {
	if binary {
		if len(data) > millpond.MaxFrameBytes {
			return nil, fmt.Errorf("a frame of %d bytes is over the limit of %d", len(data), millpond.MaxFrameBytes)
		}
		if millpond.IsPart(data) {
			part, err := millpond.DecodePart(data)
			return Part{part, len(data)}, err
		}
		batch, err := millpond.DecodeBatch(data)
		return Batch{batch, len(data)}, err
	}
	msg, err := millpond.UnmarshalMessage(data)
	return Message{msg}, err
}

var errSubprotocol = fmt.Errorf("the server does not speak %s: it is another program, or another version", millpond.Subprotocol)
