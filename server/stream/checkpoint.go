package stream

import (
	"context"
	"errors"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Outbound identifies an outbound subscription.
type Outbound struct {
	Incarnation  millpond.Incarnation // of the stream
	Key          string               // of the subscription
	ConfiguredAt uint64               // one that was configured again since is another
}

// ErrSuperseded says that an outbound subscription was removed or configured again, or that its stream has another
// incarnation.
var ErrSuperseded = errors.New("the subscription was removed or configured again")

// AppendAs is Append for the processor of an outbound subscription: when that is not the present one any more, it fails with
// [ErrSuperseded], and nothing is appended.
func (e *Engine) AppendAs(ctx context.Context, name millpond.Name, as Outbound, inputs []millpond.Input) ([]millpond.Event, error) {
	r, err := e.hand(ctx, name, func(in *instance) *request {
		r := newRequest(ctx, requestAppend, name, in, inputs)
		r.as = &as
		return r
	})
	if err != nil {
		return nil, err
	}
	return r.events, e.fill(ctx, r)
}

// SaveCheckpoint makes what an outbound subscription wants kept of how far it has come durable, together with the appends
// that are committed at the time. Its errors are those of [Engine.AppendAs].
//
// The engine makes an empty checkpoint when a subscription is configured, in the same commit, and deletes it when that is
// removed. So the streams that have checkpoints are those that have outbound subscriptions.
func (e *Engine) SaveCheckpoint(ctx context.Context, name millpond.Name, as Outbound, data []byte) error {
	_, err := e.hand(ctx, name, func(in *instance) *request {
		r := newRequest(ctx, requestAppend, name, in, nil)
		r.as, r.keep = &as, append([]byte{}, data...)
		r.bytes += inputOverheadBytes + len(data)
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

// admit reports whether the outbound subscription is the present one.
func (d *draft) admit(as *Outbound) error {
	s, ok := d.head.state.Subscriptions[as.Key]
	if !ok || s.ConfiguredAt != as.ConfiguredAt || d.head.stream.Incarnation != as.Incarnation {
		return ErrSuperseded
	}
	return nil
}

// keep plans a checkpoint.
func (d *draft) keep(key string, data []byte) {
	d.checkpoints = append(d.checkpoints, store.Checkpoint{Key: key, Data: data})
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
