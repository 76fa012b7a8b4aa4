package stream

import (
	"cmp"
	"context"

	"github.com/millpond-dev/millpond"
)

// presence is a request to record that a subscriber has come or gone. What there is to record is known only when it is
// planned: others with the same key may have come in between.
type presence struct {
	s      *Subscription
	reason millpond.DisconnectReason // empty: it has come
}

// recorded reports whether the log is to say that the subscriber is there.
func (e *Engine) recorded(in *instance, opts *SubscribeOptions) bool {
	mode := cmp.Or(opts.Presence, millpond.ParseConfig(in.now().state.Config).Presence, e.presence)
	return mode == millpond.PresenceLog
}

// record appends that a subscriber has come, and, if it took the place of another one, that that one has gone.
func (e *Engine) record(ctx context.Context, s *Subscription) error {
	r := newRequest(ctx, requestAppend, s.in.name, s.in, nil)
	r.presence = &presence{s: s}
	s.in.pins.Add(1)
	defer s.in.pins.Add(-1)
	return e.ask(ctx, r)
}

// recordGone appends that a subscriber has gone. It waits for room in the queue only: nobody needs to know when it is
// done, and when the stream's run has ended, that says it, too.
func (e *Engine) recordGone(s *Subscription, reason millpond.DisconnectReason) {
	r := newRequest(context.Background(), requestAppend, s.in.name, s.in, nil)
	r.presence = &presence{s, reason}
	_ = e.committer.queue.put(r)
}

// inputs are the events to record.
func (p *presence) inputs(d *draft) ([]millpond.Input, error) {
	key := p.s.key.String()
	before, there := d.head.recorded.Get(key)
	if p.reason != "" {
		if before != p.s {
			return nil, nil // replaced, or never recorded
		}
		d.head.recorded = d.head.recorded.Without(key)
		return []millpond.Input{d.disconnected(key, p.reason)}, nil
	}
	if !p.s.in.has(p.s) {
		return nil, &EndError{millpond.EndReplaced}
	}
	var inputs []millpond.Input
	if there {
		inputs = append(inputs, d.disconnected(key, millpond.DisconnectReplaced))
	}
	d.head.recorded = d.head.recorded.With(key, p.s)
	return append(inputs, millpond.Input{Type: millpond.TypeSubscriberConnected, Payload: payload(millpond.SubscriberConnectedPayload{
		Key: key, Direction: p.s.direction, Subscriber: p.s.subscriber, IncarnationID: d.head.state.IncarnationID, Processor: p.s.processor,
	})}), nil
}

func (d *draft) disconnected(key string, why millpond.DisconnectReason) millpond.Input {
	return millpond.Input{Type: millpond.TypeSubscriberDisconnected, Payload: payload(millpond.SubscriberDisconnectedPayload{
		Key: key, IncarnationID: d.head.state.IncarnationID, Reason: why,
	})}
}

// has reports whether the subscription is the one with its key.
func (in *instance) has(s *Subscription) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.subscriptions[s.key] == s
}
