package host

import (
	"context"
	"errors"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/stream"
)

// Streams is what a host needs of a stream engine. [On] makes it of the server's.
type Streams interface {
	// State is the stream's reduced state: [millpond.NotFound] when there is no such stream.
	State(ctx context.Context, name millpond.Name) (millpond.State, error)

	// Subscribed lists the streams that have outbound subscriptions, some after a name.
	Subscribed(ctx context.Context, after millpond.Name, limit int) ([]millpond.Name, error)

	// Follow reads the stream's events of the types after the offset, for the subscription. When its stream has another
	// incarnation, that is [stream.ErrSuperseded]; a log that ends before the offset is ErrAhead.
	Follow(ctx context.Context, name millpond.Name, as stream.Outbound, after uint64, contract millpond.Contract) (Cursor, error)

	// Append appends for nobody in particular; AppendAs, SaveCheckpoint and LoadCheckpoint are for the subscription,
	// and fail with [stream.ErrSuperseded] when it is not the present one.
	Append(ctx context.Context, name millpond.Name, inputs []millpond.Input) ([]millpond.Event, error)
	AppendAs(ctx context.Context, name millpond.Name, as stream.Outbound, inputs []millpond.Input) ([]millpond.Event, error)
	SaveCheckpoint(ctx context.Context, name millpond.Name, as stream.Outbound, data []byte) error
	LoadCheckpoint(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation, key string) ([]byte, error)
}

// Cursor is a place in a stream.
type Cursor interface {
	// Next waits for what follows, of about maxBytes.
	Next(ctx context.Context, maxBytes int) (millpond.Batch, error)
	CloseBecause(millpond.DisconnectReason)
}

// ErrAhead says that a log ends before the offset that was asked for.
var ErrAhead = errors.New("the log ends before the checkpoint")

// On is the engine as a host needs it.
func On(e *stream.Engine) Streams { return engine{e} }

type engine struct{ *stream.Engine }

func (e engine) State(ctx context.Context, name millpond.Name) (millpond.State, error) {
	state, _, err := e.Engine.State(ctx, name)
	return state, err
}

func (e engine) Follow(ctx context.Context, name millpond.Name, as stream.Outbound, after uint64, contract millpond.Contract) (Cursor, error) {
	s, err := e.Subscribe(ctx, name, stream.SubscribeOptions{
		After: &after, Incarnation: as.Incarnation, Types: contract.Consumes,
		Key: as.Key, Direction: millpond.Outbound, Subscriber: "processor " + contract.Slug, Processor: &contract,
	})
	if err != nil {
		return nil, err
	}
	switch s.Start().Rebuild {
	case "":
		return s, nil
	case millpond.AheadOfLog:
		err = ErrAhead
	default:
		err = stream.ErrSuperseded
	}
	s.Close()
	return nil, err
}
