package processortest

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// maxEvents bounds a stream: a processor that answers itself would never end.
const maxEvents = 10_000

// Stream is a stream with one processor on it. Use it from one goroutine.
type Stream[S any] struct {
	t      testing.TB
	d      millpond.Definition
	state  any
	at     time.Time
	events []millpond.Event
	keys   map[string]int // index of the event with the key
	others map[millpond.Name]*Stream[S]
	done   int // events that are processed
}

// New makes an empty stream at noon of the first day of 2030.
func New[S any](t testing.TB, p millpond.Processor[S]) *Stream[S] {
	t.Helper()
	d := millpond.Define(p)
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	return newStream[S](t, d)
}

func newStream[S any](t testing.TB, d millpond.Definition) *Stream[S] {
	return &Stream[S]{t: t, d: d, state: d.Zero(), keys: map[string]int{}, others: map[millpond.Name]*Stream[S]{},
		at: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)}
}

// Advance moves the clock that events get their time from.
func (s *Stream[S]) Advance(d time.Duration) { s.at = s.at.Add(d) }

// Append appends events and lets the processor process them. An error of the processor fails the test.
func (s *Stream[S]) Append(inputs ...millpond.Input) {
	s.t.Helper()
	if err := s.TryAppend(inputs...); err != nil {
		s.t.Fatal(err)
	}
}

// TryAppend is Append, and returns the processor's error. The events that were not processed are so with the next append.
func (s *Stream[S]) TryAppend(inputs ...millpond.Input) error {
	s.t.Helper()
	s.add(inputs)
	return s.process()
}

// State is the processor's state after all events.
func (s *Stream[S]) State() S {
	state, _ := s.state.(S)
	return state
}

// Events are the stream's events of the types, or all.
func (s *Stream[S]) Events(types ...string) (events []millpond.Event) {
	for _, e := range s.events {
		if len(types) == 0 || slices.Contains(types, e.Type) {
			events = append(events, e)
		}
	}
	return events
}

// self is the stream's name.
var self = millpond.Name{Namespace: millpond.DefaultNamespace, Path: "/test"}

// Other is what the processor has appended to another stream, by its path: absolute, or as seen from "/test".
func (s *Stream[S]) Other(path string) []millpond.Event {
	s.t.Helper()
	name, err := self.Resolve(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.stream(name).events
}

// stream is the stream with the name.
func (s *Stream[S]) stream(name millpond.Name) *Stream[S] {
	if name == self {
		return s
	}
	if s.others[name] == nil {
		s.others[name] = newStream[S](s.t, s.d)
	}
	return s.others[name]
}

// add appends; what is there with the same key stays.
func (s *Stream[S]) add(inputs []millpond.Input) []millpond.Event {
	s.t.Helper()
	added := make([]millpond.Event, len(inputs))
	for i, in := range inputs {
		if err := in.Validate(); err != nil {
			s.t.Fatal(err)
		}
		if at, ok := s.keys[in.IdempotencyKey]; ok && in.IdempotencyKey != "" {
			added[i] = s.events[at]
			continue
		}
		added[i] = millpond.Event{Offset: uint64(len(s.events)) + 1, Type: in.Type, Payload: in.Payload, Metadata: in.Metadata,
			Source: in.Source, IdempotencyKey: in.IdempotencyKey, CreatedAt: s.at}
		s.keys[in.IdempotencyKey] = len(s.events)
		if s.events = append(s.events, added[i]); len(s.events) > maxEvents {
			s.t.Fatalf("the stream has more than %d events: does the processor answer itself?", maxEvents)
		}
	}
	return added
}

// process processes what the processor has not seen, and what it appends while it does.
func (s *Stream[S]) process() error {
	s.t.Helper()
	for s.done < len(s.events) {
		end := len(s.events)
		if !s.d.ActsByBatch() {
			end = s.done + 1
		}
		steps := s.reduce(s.events[s.done:end])
		if err := s.act(steps); err != nil {
			return err
		}
		count := len(s.events)
		if err := s.actAgain(steps); err != nil {
			return fmt.Errorf("processed again: %w", err)
		}
		if len(s.events) > count {
			s.t.Fatalf("the events at offset %d to %d were processed a second time, and something else was appended: %+v",
				s.done+1, end, s.events[count])
		}
		if len(steps) > 0 {
			s.state = steps[len(steps)-1].After
		}
		s.done = end
	}
	return nil
}

// reduce folds the events that the contract consumes.
func (s *Stream[S]) reduce(events []millpond.Event) (steps []millpond.Step[any]) {
	s.t.Helper()
	consumes := s.d.Contract().Consumes
	state := s.state
	for i := range events {
		e := &events[i]
		if !slices.Contains(consumes, e.Type) && !slices.Contains(consumes, "*") {
			continue
		}
		before := s.encode(state)
		kept := s.decode(before)
		after := s.d.Reduce(state, e)
		if again := s.encode(s.d.Reduce(kept, e)); !bytes.Equal(again, s.encode(after)) {
			s.t.Fatalf("Reduce of offset %d came to %s, and then to %s: it is not pure, or its state does not survive as JSON",
				e.Offset, s.encode(after), again)
		}
		if !bytes.Equal(s.encode(state), before) {
			s.t.Fatalf("Reduce of offset %d has changed the state before from %s to %s", e.Offset, before, s.encode(state))
		}
		if read := s.decode(s.encode(after)); !reflect.DeepEqual(read, after) {
			s.t.Fatalf("the state after offset %d is %#v, and when it was written as JSON and read again it is %#v: export its fields",
				e.Offset, after, read)
		}
		steps = append(steps, millpond.Step[any]{Event: e, Before: state, After: after})
		state = after
	}
	return steps
}

func (s *Stream[S]) encode(state any) []byte {
	s.t.Helper()
	text, err := s.d.Encode(state)
	if err != nil {
		s.t.Fatalf("the state cannot be written: %v", err)
	}
	return text
}

func (s *Stream[S]) decode(text []byte) any {
	s.t.Helper()
	state, err := s.d.Decode(text)
	if err != nil {
		s.t.Fatalf("the state cannot be read again: %v", err)
	}
	return state
}

// act lets the processor act on the steps that it acts on.
func (s *Stream[S]) act(steps []millpond.Step[any]) error {
	acts := slices.DeleteFunc(slices.Clone(steps), func(step millpond.Step[any]) bool { return !s.d.ActsOn(step.Event) })
	switch {
	case len(acts) == 0:
		return nil
	case s.d.ActsByBatch():
		return s.call("", func(fx millpond.Effects) error { return s.d.ProcessBatch(context.Background(), fx, acts) })
	}
	for _, step := range acts {
		scope := fmt.Sprint(step.Event.Offset)
		err := s.call(scope, func(fx millpond.Effects) error { return s.d.ProcessEvent(context.Background(), fx, step) })
		if err != nil {
			return err
		}
	}
	return nil
}

// actAgain is act, one by one.
func (s *Stream[S]) actAgain(steps []millpond.Step[any]) error {
	for i := range steps {
		if err := s.act(steps[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}
