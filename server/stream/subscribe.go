package stream

import (
	"cmp"
	"context"
	"errors"

	"github.com/millpond-dev/millpond"
)

// SubscribeOptions say where to begin, and what to leave out.
type SubscribeOptions struct {
	After *uint64 // offset to replay after, exclusive; 0: from the start; nil: only what is new

	// With After, the incarnation and hash of the subscriber's copy at that offset. Empty and nil: not checked.
	Incarnation millpond.Incarnation
	Hash        *millpond.Hash

	Types []string // event types to deliver; empty or "*": all
	Key   string   // replaces the stream's older subscription of the same owner with the same key; empty: replaces none
	Owner string   // whose the key is

	// What others see of the subscriber: in the runtime state, and, where presence is recorded, in the log.
	Subscriber string             // describes it, for people
	Direction  millpond.Direction // empty: inbound
	Processor  *millpond.Contract // nil: it is no processor
	Presence   millpond.Presence  // where it is recorded; empty: as the stream or the engine is configured
}

// Start says where a subscription begins.
type Start struct {
	Rebuild     millpond.RebuildReason // why the subscriber's copy is no prefix of the log; empty: it is, or it has none
	Incarnation millpond.Incarnation
	After       uint64        // offset that the first batch follows; 0 after a Rebuild
	Hash        millpond.Hash // at After
	MaxOffset   uint64        // of the stream then
}

// Subscribe follows a stream. It creates the stream when there is none. ctx is for the call, not for the
// subscription: Close that.
func (e *Engine) Subscribe(ctx context.Context, name millpond.Name, opts SubscribeOptions) (*Subscription, error) {
	for {
		in, err := e.awake(ctx, name)
		if err != nil {
			return nil, err
		}
		start, err := e.begin(ctx, in, opts)
		if err == nil {
			s := newSubscription(e, in, opts, start) // what is committed from here on comes after its cursor
			if err = in.join(s); err == nil && s.recorded {
				if err = e.record(ctx, s); err != nil {
					s.Close()
				}
			}
			if err == nil {
				return s, nil
			}
		}
		// A reset or kill came in between.
		if !errors.Is(err, errGone) && !errors.Is(err, errNoStream) {
			return nil, err
		}
	}
}

// awake is the stream's instance, created and woken.
func (e *Engine) awake(ctx context.Context, name millpond.Name) (*instance, error) {
	in, err := e.instance(ctx, name)
	if err != nil {
		return nil, err
	}
	if in.isAwake() {
		return in, nil
	}
	r, err := e.do(ctx, requestAppend, name, nil)
	if err != nil {
		return nil, err
	}
	return r.in, nil
}

// begin compares the subscriber's copy with the log.
func (e *Engine) begin(ctx context.Context, in *instance, opts SubscribeOptions) (Start, error) {
	h := in.now()
	start := Start{Incarnation: h.stream.Incarnation, After: h.offset, Hash: h.hash, MaxOffset: h.offset}
	if opts.After == nil {
		return start, nil
	}
	start.After = *opts.After
	switch {
	case opts.Incarnation != "" && opts.Incarnation != h.stream.Incarnation:
		return start.rebuild(millpond.OtherIncarnation), nil
	case start.After > h.offset:
		return start.rebuild(millpond.AheadOfLog), nil
	}
	var err error
	if start.Hash, err = e.hash(ctx, in, start.After); err != nil {
		return start, err
	}
	if opts.Hash != nil && *opts.Hash != start.Hash {
		return start.rebuild(millpond.Diverged), nil
	}
	return start, nil
}

func (s Start) rebuild(why millpond.RebuildReason) Start {
	s.Rebuild, s.After, s.Hash = why, 0, 0
	return s
}

// hash is the log's hash at the offset.
func (e *Engine) hash(ctx context.Context, in *instance, offset uint64) (millpond.Hash, error) {
	if offset == 0 {
		return 0, nil
	}
	in.mu.Lock()
	hash, ok := in.tail.hash(offset)
	stream := in.head.stream
	in.mu.Unlock()
	if ok {
		return hash, nil
	}
	hash, err := e.store.Hash(ctx, stream, offset)
	return hash, e.problem("read hash", err)
}

// join adds the subscription, in the place of one with the same key.
func (in *instance) join(s *Subscription) error {
	in.mu.Lock()
	if in.dead != nil {
		in.mu.Unlock()
		return errGone
	}
	if s.key.name == "" {
		in.anonymous++
		s.key.number = in.anonymous
	}
	older := in.subscriptions[s.key]
	in.subscriptions[s.key] = s
	in.mu.Unlock()
	if older != nil {
		older.end(&EndError{millpond.EndReplaced})
	}
	return nil
}

// leave removes the subscription, and reports whether it was still there.
func (in *instance) leave(s *Subscription) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.subscriptions[s.key] != s {
		return false
	}
	delete(in.subscriptions, s.key)
	return true
}

// live is a list of the subscriptions.
func (in *instance) live() []*Subscription {
	in.mu.Lock()
	defer in.mu.Unlock()
	list := make([]*Subscription, 0, len(in.subscriptions))
	for _, s := range in.subscriptions {
		list = append(list, s)
	}
	return list
}

func newSubscription(e *Engine, in *instance, opts SubscribeOptions, start Start) *Subscription {
	return &Subscription{
		engine: e,
		in:     in,
		start:  start,
		types:  newFilter(opts.Types),
		key:    subscriptionKey{direction: cmp.Or(opts.Direction, millpond.Inbound), owner: opts.Owner, name: opts.Key},

		subscriber: opts.Subscriber,
		direction:  cmp.Or(opts.Direction, millpond.Inbound),
		processor:  opts.Processor,
		recorded:   e.recorded(in, &opts),

		cursor: start.After,
		hash:   start.Hash,
		ended:  make(chan struct{}),
		stats:  stats{startedAt: e.committer.now().UTC(), cursor: start.After},
	}
}
