package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/millpond-dev/millpond"
)

// progress is how far a processor has come, in memory. It is replaced, never changed: after the checkpoint is written, where
// one has to be.
type progress struct {
	anchor  uint64 // it acts on events after this offset
	offset  uint64 // all events up to here are folded, and acted on
	state   any    // there
	saved   uint64 // offset of the durable checkpoint
	savedAt time.Time
	folded  bool // the state has changed since
	acted   bool // something was done since
}

// generation runs the processor from its checkpoint on, until something fails or the runner is stopped.
func (r *runner) generation() error {
	p, err := r.load()
	if err != nil {
		return err
	}
	cursor, err := r.host.streams.Follow(r.ctx, r.name, r.as, p.offset, r.contract)
	if errors.Is(err, ErrAhead) { // the store is not the one that the checkpoint was written to
		p = r.anew(p.offset)
		cursor, err = r.host.streams.Follow(r.ctx, r.name, r.as, 0, r.contract)
	}
	if err != nil {
		return fmt.Errorf("follow the stream: %w", err)
	}
	defer func() { cursor.CloseBecause(r.leaving()) }()
	if err := r.register(); err != nil {
		return fmt.Errorf("publish the processor's contract: %w", err)
	}
	r.update(func(s *Status) { s.Phase, s.Anchor, s.Offset, s.Checkpoint = CatchingUp, p.anchor, p.offset, p.saved })
	for {
		b, err := cursor.Next(r.ctx, batchBytes)
		if err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		events, err := decode(b.Records)
		if err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		if err := r.process(&p, events, b.LastOffset, b.Live); err != nil {
			return err
		}
		if b.Live {
			r.update(func(s *Status) { s.Phase = Live })
		}
	}
}

// leaving is why the stream is not followed any more.
func (r *runner) leaving() millpond.DisconnectReason {
	switch {
	case r.host.ctx.Err() != nil:
		return millpond.DisconnectUnsubscribed
	case r.ctx.Err() != nil:
		return millpond.DisconnectSubscriptionRemoved
	}
	return millpond.DisconnectConnectionBroken
}

// load is the progress of the durable checkpoint.
func (r *runner) load() (progress, error) {
	data, err := r.host.streams.LoadCheckpoint(r.ctx, r.name, r.as.Incarnation, r.as.Key)
	if err != nil {
		return progress{}, fmt.Errorf("read the checkpoint: %w", err)
	}
	return r.continueFrom(data)
}

// continueFrom decides where to go on. A subscription that is new, has another processor, or was configured again with an anchor,
// begins at the start of the stream, and acts after its anchor. One whose processor has another version folds the stream again,
// and acts after what the older one has acted on.
func (r *runner) continueFrom(data []byte) (progress, error) {
	rec, err := decodeRecord(data)
	configured := rec == nil || rec.ConfiguredAt != r.as.ConfiguredAt
	switch {
	case configured && r.subscription.Anchor != nil:
		return r.anew(*r.subscription.Anchor), nil
	case err != nil:
		return progress{}, &failure{0, err}
	case rec == nil || rec.Processor.Slug != r.contract.Slug:
		return r.anew(r.as.ConfiguredAt), nil
	case rec.Processor.Version != r.contract.Version:
		return r.anew(max(rec.Anchor, rec.Offset)), nil
	}
	var state any
	err = guard(func() (err error) {
		state, err = r.processor.Decode(rec.State)
		return err
	})
	if err != nil {
		r.log.Warn("the state of a processor cannot be read: it is folded again; change its version with its state", "error", err)
		return r.anew(max(rec.Anchor, rec.Offset)), nil
	}
	return progress{anchor: rec.Anchor, offset: rec.Offset, saved: rec.Offset, state: state, savedAt: time.Now()}, nil
}

// anew is the progress of a processor that begins at the start of the stream.
func (r *runner) anew(anchor uint64) progress {
	return progress{anchor: anchor, state: r.processor.Zero(), savedAt: time.Now()}
}

// register publishes the processor's contract in the stream, when the stream does not know it yet.
func (r *runner) register() error {
	state, err := r.host.streams.State(r.ctx, r.name)
	if err != nil || reflect.DeepEqual(state.Processors[r.contract.Slug], r.contract) {
		return err
	}
	payload, err := json.Marshal(r.contract)
	if err != nil {
		return err
	}
	_, err = r.host.streams.AppendAs(r.ctx, r.name, r.as, []millpond.Input{{
		Type: millpond.TypeProcessorRegistered, Payload: payload, Source: &millpond.Source{Processor: *r.id()},
	}})
	return err
}

// process folds events and acts on them. last is the offset that they reach to, with those that the processor does not
// consume; caughtUp says that it is the end of the stream.
func (r *runner) process(p *progress, events []millpond.Event, last uint64, caughtUp bool) error {
	for {
		next := *p
		rest, err := r.act(&next, events)
		if len(rest) == 0 && err == nil {
			next.offset = last
		}
		if err := r.advance(p, next, caughtUp && len(rest) == 0); err != nil {
			return err
		}
		if err != nil || len(rest) == 0 {
			return err
		}
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		events = rest
	}
}

// advance makes next the progress. Where it has to be durable, it is so before: when that fails the progress stays as it was,
// and the events come again.
func (r *runner) advance(p *progress, next progress, caughtUp bool) error {
	due := next.acted ||
		next.offset-next.saved >= checkpointOffsets ||
		next.folded && (caughtUp || time.Since(next.savedAt) >= checkpointInterval)
	if due {
		if err := r.save(&next); err != nil {
			return err
		}
	}
	moved := next.offset > p.offset
	*p = next
	r.update(func(s *Status) {
		s.Offset, s.Checkpoint = p.offset, p.saved
		if moved {
			s.Failures = 0
		}
	})
	return nil
}

// save writes the checkpoint.
func (r *runner) save(p *progress) error {
	var state []byte
	err := guard(func() (err error) {
		state, err = r.processor.Encode(p.state)
		return err
	})
	if err == nil && len(state) > maxStateBytes {
		err = fmt.Errorf("%d bytes are over the limit of %d", len(state), maxStateBytes)
	}
	if err != nil {
		return &failure{p.saved + 1, fmt.Errorf("its state cannot be kept: %w", err)}
	}
	rec := record{Processor: *r.id(), ConfiguredAt: r.as.ConfiguredAt, Anchor: p.anchor, Offset: p.offset, State: state}
	data, err := rec.encode()
	if err != nil {
		return err
	}
	if err := r.host.streams.SaveCheckpoint(r.work, r.name, r.as, data); err != nil {
		return fmt.Errorf("write the checkpoint: %w", err)
	}
	p.saved, p.savedAt, p.folded, p.acted = p.offset, time.Now(), false, false
	return nil
}

func decode(records []byte) ([]millpond.Event, error) {
	var events []millpond.Event
	for len(records) > 0 {
		record, rest, err := millpond.NextRecord(records)
		if err != nil {
			return nil, err
		}
		events = append(events, millpond.Event{})
		if err := millpond.DecodeRecord(record, &events[len(events)-1]); err != nil {
			return nil, err
		}
		records = rest
	}
	return events, nil
}
