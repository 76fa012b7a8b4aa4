package session

import (
	"github.com/millpond-dev/millpond"
)

// Input is something that has happened. The types below are all there are.
type Input interface{ step(*Machine) }

// fromConnection is an input of one connection. It is ignored unless that is the open one.
type fromConnection interface{ of() uint64 }

// Inputs of the mirror's user.
type (
	// Start connects for the first time.
	Start struct{}
	// Stop disconnects for good and fails all appends. Nothing after it has an effect, but that appends fail.
	Stop struct{}
	// Reconnect connects at once, whatever the state: a good connection is replaced, a stopped session goes on.
	Reconnect struct{}
	// Online says that the network is back: connect now instead of later, or probe the connection.
	Online struct{}

	// Subscribe wants a stream to be followed. Position is that of its copy. For a stream that is already followed it
	// does nothing.
	Subscribe struct {
		Name     millpond.Name
		Position millpond.Position
	}
	// Unsubscribe wants it no longer.
	Unsubscribe struct{ Name millpond.Name }

	// Append sends events to a stream, again and again until the server has answered. It ends with one AppendDone, unless it
	// is cancelled. Appends are sent in the order of their ids. Each event must have an idempotency key.
	Append struct {
		ID     uint64 // not in use
		Name   millpond.Name
		Events []byte // a JSON array of inputs
	}
	// CancelAppend forgets an append. It may have been committed, or may still be.
	CancelAppend struct{ ID uint64 }
)

// Inputs of a connection.
type (
	// GotToken answers GetToken. An Err that is an *millpond.Error stops the session if trying again cannot help: nobody is
	// logged in, say.
	GotToken struct {
		Epoch uint64
		Token string
		Err   error
	}
	// Connected says that the dial has succeeded.
	Connected struct{ Epoch uint64 }
	// Disconnected says that the dial has failed, or that the connection has ended. It is the last of its epoch.
	Disconnected struct {
		Epoch     uint64
		CloseCode int // of the websocket; 0: there was none
		Err       error
	}
	// Received is a control message.
	Received struct {
		Epoch   uint64
		Message millpond.Message
	}
	// Frame is a batch frame of Bytes bytes. The machine keeps the batch until it is applied.
	Frame struct {
		Epoch uint64
		Batch millpond.Batch
		Bytes int
	}
	// Part is a frame of Bytes bytes with a part of a record. The machine copies it.
	Part struct {
		Epoch uint64
		Part  millpond.Part
		Bytes int
	}
)

// Inputs of the database and of the clock.
type (
	// Applied answers Apply: the batch is committed, and the copy is now at Position.
	Applied struct {
		Name     millpond.Name
		Position millpond.Position
	}
	// ApplyFailed answers Apply: nothing was changed.
	ApplyFailed struct {
		Name millpond.Name
		// Mismatch says that the batch does not fit the copy (a gap, other content, another hash), rather than that the
		// storage failed.
		Mismatch bool
		Err      error
	}
	// Tick says that the time of the last Wake has come. More ticks do no harm.
	Tick struct{}
)

func (in GotToken) of() uint64     { return in.Epoch }
func (in Connected) of() uint64    { return in.Epoch }
func (in Disconnected) of() uint64 { return in.Epoch }
func (in Received) of() uint64     { return in.Epoch }
func (in Frame) of() uint64        { return in.Epoch }
func (in Part) of() uint64         { return in.Epoch }
