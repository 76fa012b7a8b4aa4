package server

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/millpond-dev/millpond"
)

// linearEvent is an event as the model sees it. Each value is appended once only, so that it tells who appended it.
type linearEvent struct {
	offset uint64 // of an input: the precondition; 0: none
	value  string // of a system event: empty
	key    string
}

// linearCall is what a client asked of one stream, and what it was answered.
type linearCall struct {
	stream string
	kind   linearKind
	inputs []linearEvent // of an append
	after  uint64        // of a read, and of a batch
	limit  int           // of a read
	events []linearEvent // that were answered
	max    uint64        // of a look: the offset of the stream's last event
	err    linearError
}

type linearKind string

const (
	linearAppend linearKind = "append"
	linearRead   linearKind = "read" // events after an offset, up to a limit or the end of the log
	linearLook   linearKind = "look" // events that are in the log, and where that ends: a live batch, a state
)

type linearError string

const (
	linearConflict linearError = "conflict" // the precondition did not hold, and nothing was appended
	linearRefused  linearError = "refused"  // nothing was appended, whatever the log is
	linearUnknown  linearError = "unknown"  // appended or not
)

// linearLog is the state of the model: the log of one stream. It is never changed.
type linearLog struct {
	events []linearEvent
	digest uint64
}

var linearSeed = maphash.MakeSeed()

func (l linearLog) add(e linearEvent) linearLog {
	e.offset = uint64(len(l.events)) + 1
	return linearLog{append(slices.Clip(l.events), e), maphash.Comparable(linearSeed, [2]any{l.digest, e})}
}

func (l linearLog) end() uint64 { return uint64(len(l.events)) }

func (l linearLog) byKey(key string) *linearEvent {
	for i := range l.events {
		if key != "" && l.events[i].key == key {
			return &l.events[i]
		}
	}
	return nil
}

// linearModel is a stream as its clients are promised it. The system appends its own events when it likes: which offsets
// are theirs is known from the log as it is in the end, and they are added when a call needs them.
func linearModel(system map[string]map[uint64]bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return linearLog{} },
		Step: func(state, _, output any) (bool, any) {
			call := output.(*linearCall)
			s := linearStep{linearLog: state.(linearLog), system: system[call.stream]}
			return s.take(call), s.linearLog
		},
		Equal: func(a, b any) bool {
			return a.(linearLog).digest == b.(linearLog).digest && a.(linearLog).end() == b.(linearLog).end()
		},
		Hash: func(state any) uint64 { return state.(linearLog).digest },
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			byStream := map[string][]porcupine.Operation{}
			for _, op := range history {
				stream := op.Output.(*linearCall).stream
				byStream[stream] = append(byStream[stream], op)
			}
			var parts [][]porcupine.Operation
			for _, stream := range slices.Sorted(maps.Keys(byStream)) {
				parts = append(parts, byStream[stream])
			}
			return parts
		},
		DescribeOperation: func(_, output any) string {
			return strings.TrimPrefix(fmt.Sprintf("%+v", *output.(*linearCall)), "{stream:")
		},
	}
}

// linearStep is the log while one call takes effect.
type linearStep struct {
	linearLog
	system map[uint64]bool
}

// reach adds system events until the log ends at the offset: false when it cannot.
func (s *linearStep) reach(offset uint64) bool {
	for s.end() < offset && s.system[s.end()+1] {
		s.linearLog = s.add(linearEvent{})
	}
	return s.end() == offset
}

// take does a call: false when the log cannot have answered it so.
func (s *linearStep) take(call *linearCall) bool {
	switch {
	case call.err == linearRefused:
		return true
	case call.err == linearConflict:
		ahead := *s // system events that an append would have come after may be appended later
		for !ahead.conflicts(call.inputs) {
			if !ahead.reach(ahead.end() + 1) {
				return false
			}
		}
		return true
	case call.kind == linearAppend:
		return s.append(call)
	case call.kind == linearLook:
		return s.reach(call.max) && s.has(call)
	default:
		last := call.after + uint64(len(call.events))
		if last > s.end() && len(call.events) > 0 && !s.reach(last) {
			return false
		}
		return s.has(call) && (len(call.events) == call.limit || s.end() <= last)
	}
}

// has reports whether the answered events are those of the log that follow the offset asked for.
func (s *linearStep) has(call *linearCall) bool {
	for i, e := range call.events {
		if e.offset != call.after+1+uint64(i) || e.offset > s.end() || s.events[e.offset-1] != e {
			return false
		}
	}
	return true
}

// append appends the inputs as they were answered.
func (s *linearStep) append(call *linearCall) bool {
	fresh := false
	for i, in := range call.inputs {
		got := call.events[i]
		if original := s.byKey(in.key); original != nil {
			if got != *original || in.offset != 0 && in.offset != got.offset {
				return false
			}
			continue
		}
		if !fresh && got.offset > 0 && !s.reach(got.offset-1) {
			return false
		}
		fresh = true // the others follow at once
		want := linearEvent{offset: s.end() + 1, value: in.value, key: in.key}
		if got != want || in.offset != 0 && in.offset != want.offset {
			return false
		}
		s.linearLog = s.add(want)
	}
	return true
}

// conflicts reports whether a precondition of the inputs does not hold.
func (s *linearStep) conflicts(inputs []linearEvent) bool {
	next := s.linearLog
	for _, in := range inputs {
		offset := next.end() + 1
		if original := next.byKey(in.key); original != nil {
			offset = original.offset
		} else {
			next = next.add(in)
		}
		if in.offset != 0 && in.offset != offset {
			return true
		}
	}
	return false
}

// linearEvents are events as the model sees them.
func linearEvents(events []millpond.Event) []linearEvent {
	list := make([]linearEvent, len(events))
	for i := range events {
		e := &events[i]
		list[i] = linearEvent{offset: e.Offset, key: e.IdempotencyKey}
		if !strings.HasPrefix(e.Type, millpond.SystemPrefix) {
			list[i].value = string(e.Payload)
		} else {
			list[i].key = "" // the system's own
		}
	}
	return list
}
