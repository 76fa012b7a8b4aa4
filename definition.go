package millpond

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Definition is a processor ready for a host, with the type of its state out of sight: a host holds states as any, and
// only ever gives back what it got from the same Definition. Make one with [Define]. It may be used concurrently.
type Definition struct {
	contract Contract
	zero     any
	decode   func([]byte) (any, error)
	encode   func(any) ([]byte, error)
	reduce   func(any, *Event) any
	event    func(context.Context, Effects, Step[any]) error   // nil: not an EventProcessor
	batch    func(context.Context, Effects, []Step[any]) error // nil: not a BatchProcessor
}

// Define prepares a processor for a host. Whether it is an [EventProcessor] or a [BatchProcessor] is found out here, and a
// method whose signature is not quite right is none: let the compiler check that with
//
//	var _ millpond.EventProcessor[State] = Processor{}
func Define[S any](p Processor[S]) Definition {
	var zero S
	d := Definition{
		contract: p.Contract(),
		zero:     zero,
		decode: func(data []byte) (any, error) {
			var s S
			err := json.Unmarshal(data, &s)
			return s, err
		},
		encode: func(s any) ([]byte, error) { return json.Marshal(s) },
		reduce: func(s any, e *Event) any { return p.Reduce(as[S](s), e) },
	}
	if p, ok := p.(EventProcessor[S]); ok {
		d.event = func(ctx context.Context, fx Effects, step Step[any]) error {
			return p.ProcessEvent(ctx, fx, typed[S](step))
		}
	}
	if p, ok := p.(BatchProcessor[S]); ok {
		d.batch = func(ctx context.Context, fx Effects, steps []Step[any]) error {
			list := make([]Step[S], len(steps))
			for i := range steps {
				list[i] = typed[S](steps[i])
			}
			return p.ProcessBatch(ctx, fx, list)
		}
	}
	return d
}

// as is the state with its type. A nil interface state is the zero S of an S that is an interface.
func as[S any](state any) S {
	s, _ := state.(S)
	return s
}

func typed[S any](step Step[any]) Step[S] {
	return Step[S]{Event: step.Event, Before: as[S](step.Before), After: as[S](step.After)}
}

// Key is an idempotency key for an append that the step's event causes: the same for the same event and name.
func (s Step[S]) Key(name string) string {
	return name + "/" + strconv.FormatUint(s.Event.Offset, 10)
}

// Contract is the processor's.
func (d Definition) Contract() Contract { return d.contract }

// Zero is the state before the first event.
func (d Definition) Zero() any { return d.zero }

// Decode is the state that Encode has written.
func (d Definition) Decode(data []byte) (any, error) { return d.decode(data) }

// Encode is the state as JSON.
func (d Definition) Encode(state any) ([]byte, error) { return d.encode(state) }

// Reduce is the state after the event.
func (d Definition) Reduce(state any, e *Event) any { return d.reduce(state, e) }

// ActsByEvent and ActsByBatch say which of ProcessEvent and ProcessBatch may be called: at most one.
func (d Definition) ActsByEvent() bool { return d.event != nil }

// ActsByBatch says whether ProcessBatch may be called.
func (d Definition) ActsByBatch() bool { return d.batch != nil }

// ProcessEvent is the processor's.
func (d Definition) ProcessEvent(ctx context.Context, fx Effects, step Step[any]) error {
	return d.event(ctx, fx, step)
}

// ProcessBatch is the processor's.
func (d Definition) ProcessBatch(ctx context.Context, fx Effects, steps []Step[any]) error {
	return d.batch(ctx, fx, steps)
}

// ActsOn reports whether the processor acts on the event. On what it has appended itself it does only when its contract
// consumes that type by name: one that consumes "*" would answer itself for ever.
func (d Definition) ActsOn(e *Event) bool {
	if d.event == nil && d.batch == nil {
		return false
	}
	own := e.Source != nil && e.Source.Processor.Slug == d.contract.Slug
	return !own || slices.Contains(d.contract.Consumes, e.Type)
}

// Prepare is what a host does to the inputs that the processor appends: it checks them against the contract, names the
// processor as their source, and makes their idempotency keys the processor's own, behind the prefix. An input without a key
// gets the next one, if there is any. The inputs given stay as they are.
func (d Definition) Prepare(inputs []Input, prefix string, nextKey func() string) ([]Input, error) {
	c := &d.contract
	inputs = slices.Clone(inputs)
	for i := range inputs {
		in := &inputs[i]
		if !slices.Contains(c.Emits, in.Type) {
			return nil, fmt.Errorf("event type %q is not one that the contract of processor %s emits", in.Type, c.Slug)
		}
		in.Source = &Source{Processor: ProcessorID{c.Slug, c.Version}}
		if err := in.ValidateClient(); err != nil {
			return nil, err
		}
		key := in.IdempotencyKey
		if key == "" {
			key = nextKey()
		}
		if key == "" {
			return nil, errors.New("an append in ProcessBatch needs an idempotency key: make it with Step.Key")
		}
		if in.IdempotencyKey = prefix + c.Slug + "/" + key; len(in.IdempotencyKey) > MaxIdempotencyKeyBytes {
			return nil, fmt.Errorf("idempotency key %q is too long: with what the host puts before it, it may have %d bytes",
				clip(key), MaxIdempotencyKeyBytes)
		}
	}
	return inputs, nil
}

// Validate says what is wrong with the processor's definition.
func (d Definition) Validate() error {
	if d.reduce == nil {
		return errors.New("processor: the definition is empty: make it with millpond.Define")
	}
	c := &d.contract
	if err := c.Validate(); err != nil {
		return err
	}
	switch {
	case d.event != nil && d.batch != nil:
		return fmt.Errorf("processor %s: it has both ProcessEvent and ProcessBatch: keep one", c.Slug)
	case len(c.Emits) > 0 && d.event == nil && d.batch == nil:
		return fmt.Errorf("processor %s: its contract emits %s, but it has neither ProcessEvent nor ProcessBatch, "+
			"or their signature is another one: assert that it is an EventProcessor", c.Slug, strings.Join(c.Emits, ", "))
	}
	return nil
}

// Validate says which rule the contract breaks.
func (c *Contract) Validate() error {
	if why := checkSegment(c.Slug); why != "" || len(c.Slug) > MaxSlugBytes {
		return fmt.Errorf("processor %q: its slug must be 1–%d of a–z, 0–9, \"-\", \"_\" and \".\"", clip(c.Slug), MaxSlugBytes)
	}
	if err := checkText("version", c.Version, MaxVersionBytes); err != nil {
		return fmt.Errorf("processor %s: its contract's %w", c.Slug, err)
	}
	if len(c.Consumes) == 0 {
		return fmt.Errorf(`processor %s: its contract consumes nothing: name event types, or "*" for all`, c.Slug)
	}
	if len(c.Consumes) > MaxEventTypes || len(c.Emits) > MaxEventTypes {
		return fmt.Errorf("processor %s: its contract names more than %d event types", c.Slug, MaxEventTypes)
	}
	for _, t := range slices.Concat(c.Consumes, c.Emits) {
		if err := checkText("type", t, MaxTypeBytes); err != nil {
			return fmt.Errorf("processor %s: its contract's event %w", c.Slug, err)
		}
	}
	for _, t := range c.Emits {
		if strings.HasPrefix(t, SystemPrefix) && !ClientType(t) {
			return fmt.Errorf("processor %s: its contract emits %s, which belongs to the system", c.Slug, t)
		}
	}
	return nil
}
