package stream

import (
	"context"
	"errors"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Checkpoint is what an outbound subscription wants kept of how far it has come. The engine makes an empty one when the
// subscription is configured, in the same commit, and deletes it when that is removed. So the streams that have
// checkpoints are those that have outbound subscriptions.
type Checkpoint struct {
	Incarnation  millpond.Incarnation // of the stream
	Key          string               // of the subscription
	ConfiguredAt uint64               // of the subscription: one that was configured again since is another
	Data         []byte
}

// ErrSuperseded says that a checkpoint belongs to a subscription that was removed, or configured again, or to another
// incarnation of its stream.
var ErrSuperseded = errors.New("the subscription was removed or configured again")

// SaveCheckpoint makes a checkpoint durable, together with the appends that are committed at the time. Its errors are
// those of Append, and [ErrSuperseded].
func (e *Engine) SaveCheckpoint(ctx context.Context, name millpond.Name, c Checkpoint) error {
	if c.Data == nil {
		c.Data = []byte{}
	}
	_, err := e.hand(ctx, name, func(in *instance) *request {
		r := newRequest(ctx, requestAppend, name, in, nil)
		r.keep, r.bytes = &c, inputOverheadBytes+len(c.Data)
		return r
	})
	return err
}

// LoadCheckpoint is the data of the checkpoint, which is empty when none was saved yet; [ErrSuperseded] when there is no such
// subscription.
func (e *Engine) LoadCheckpoint(ctx context.Context, name millpond.Name, incarnation millpond.Incarnation, key string) ([]byte, error) {
	data, err := e.store.Checkpoint(ctx, store.Stream{Name: name, Incarnation: incarnation}, key)
	if errors.Is(err, store.ErrNoCheckpoint) || errors.Is(err, store.ErrNoStream) {
		return nil, ErrSuperseded
	}
	return data, e.problem("read checkpoint", err)
}

// Subscribed lists the streams that have outbound subscriptions, in the order of their names: those after a name, as many as
// limit at most. The zero name is before all.
func (e *Engine) Subscribed(ctx context.Context, after millpond.Name, limit int) ([]millpond.Name, error) {
	names, err := e.store.Checkpointed(ctx, after, limit)
	return names, e.problem("list subscriptions", err)
}

// keep plans the checkpoint.
func (d *draft) keep(c *Checkpoint) error {
	s, ok := d.head.state.Subscriptions[c.Key]
	if !ok || s.ConfiguredAt != c.ConfiguredAt || d.head.stream.Incarnation != c.Incarnation {
		return ErrSuperseded
	}
	d.checkpoints = append(d.checkpoints, store.Checkpoint{Key: c.Key, Data: c.Data})
	return nil
}

// follow plans the checkpoint of a subscription that comes or goes with the event.
func (d *draft) follow(e *millpond.Event, before map[string]millpond.OutboundSubscription) {
	if e.Type != millpond.TypeSubscriptionConfigured {
		return
	}
	after := d.head.state.Subscriptions
	for key := range before {
		if _, ok := after[key]; !ok {
			d.checkpoints = append(d.checkpoints, store.Checkpoint{Key: key})
		}
	}
	for key := range after {
		if _, ok := before[key]; !ok {
			d.checkpoints = append(d.checkpoints, store.Checkpoint{Key: key, Data: []byte{}})
		}
	}
}

// checkSubscription checks an input that configures an outbound subscription.
func (d *draft) checkSubscription(in *millpond.Input) *millpond.Error {
	slug := in.ConfiguredProcessor()
	if slug != "" && !d.registered(slug) {
		return &millpond.Error{Code: millpond.InvalidEvent, Field: "payload.processor",
			Message: "this server has no such processor"}
	}
	var refused *millpond.Error
	errors.As(d.head.state.CheckSubscription(in), &refused)
	return refused
}
