package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/stream"
)

// linearActor is one client of one stream. It does one thing after the other, and notes each.
type linearActor struct {
	t      *testing.T
	h      *linearHistory
	client linearClient
	engine *access.Streams // to kill the stream with
	name   millpond.Name
	id     int
	rnd    *rand.Rand
	end    uint64 // of the log, as it was seen last
	made   int    // values
}

// write does random calls.
func (a *linearActor) write(calls int) {
	for range calls {
		switch n := a.rnd.IntN(100); {
		case n < 50:
			a.append(a.inputs())
		case n < 80:
			a.read()
		case n < 97:
			a.state()
		default:
			if err := a.engine.Kill(context.Background(), a.name); err != nil && !errors.Is(err, millpond.NotFound) {
				a.t.Error(err)
			}
		}
	}
}

// inputs makes a batch, with keys that others use, too, and preconditions that hold if nobody comes in between.
func (a *linearActor) inputs() []linearEvent {
	list := make([]linearEvent, 1+a.rnd.IntN(3))
	for i := range list {
		list[i].value = a.value()
		if a.rnd.IntN(5) < 2 {
			list[i].key = fmt.Sprint("key-", a.rnd.IntN(25))
		}
		if a.rnd.IntN(5) == 0 {
			list[i].offset = a.end + 1 + uint64(i)
		}
	}
	return list
}

// again is the batch, but events without a key are new ones: the log may have both.
func (a *linearActor) again(list []linearEvent) []linearEvent {
	list = slices.Clone(list)
	for i := range list {
		if list[i].key == "" {
			list[i].value = a.value()
		}
	}
	return list
}

func (a *linearActor) value() string {
	a.made++
	return fmt.Sprintf(`"%d-%d"`, a.id, a.made)
}

func (a *linearActor) append(list []linearEvent) {
	inputs := make([]millpond.Input, len(list))
	for i, in := range list {
		inputs[i] = millpond.Input{Type: "test", Payload: json.RawMessage(in.value), IdempotencyKey: in.key, Offset: in.offset}
	}
	call := &linearCall{stream: a.name.Path, kind: linearAppend, inputs: list}
	began := a.h.clock.Add(1)
	events, err := a.client.append(a.name, inputs)
	if err != nil {
		call.err = linearErrorOf(err)
	} else {
		call.events = linearEvents(events)
		a.end = events[len(events)-1].Offset
	}
	a.h.record(a.id, began, call)
	if call.err == linearUnknown && list[0].key != "" && a.rnd.IntN(2) == 0 {
		a.append(a.again(list)) // as a client does that was not answered
	}
}

func (a *linearActor) read() {
	call := &linearCall{stream: a.name.Path, kind: linearRead, limit: 1 + a.rnd.IntN(20)}
	if a.end > 0 {
		call.after = a.end - min(a.end, uint64(a.rnd.IntN(12)))
	}
	began := a.h.clock.Add(1)
	events, err := a.client.read(a.name, call.after, call.limit)
	if errors.Is(err, millpond.NotFound) {
		return
	}
	if err != nil {
		a.t.Error(err)
		return
	}
	call.events = linearEvents(events)
	a.h.record(a.id, began, call)
}

func (a *linearActor) state() {
	call := &linearCall{stream: a.name.Path, kind: linearLook}
	began := a.h.clock.Add(1)
	var err error
	if call.max, err = a.client.state(a.name); errors.Is(err, millpond.NotFound) {
		return
	}
	if err != nil {
		a.t.Error(err)
		return
	}
	a.end = call.max
	a.h.record(a.id, began, call)
}

// follow subscribes, again when the subscription ends, until done is closed.
func (a *linearActor) follow(done <-chan struct{}) {
	cursor := uint64(0)
	for {
		began := a.h.clock.Add(1)
		f, err := a.client.follow(a.name, cursor)
		if err != nil { // the commit that wakes the stream has failed
			continue
		}
		start, end := f.start()
		a.h.record(a.id, began, &linearCall{stream: a.name.Path, kind: linearLook, max: end})
		cursor = a.pull(f, start, done)
		f.close()
		select {
		case <-done:
			return
		default:
		}
	}
}

// pull takes batches after the cursor until the subscription ends, or done is closed.
func (a *linearActor) pull(f linearFollower, cursor uint64, done <-chan struct{}) uint64 {
	for {
		began := a.h.clock.Add(1)
		b, err := f.next(1 + a.rnd.IntN(200))
		if err != nil {
			var end *stream.EndError
			if !errors.As(err, &end) || end.Reason != millpond.EndKilled {
				a.t.Error(err)
			}
			return cursor
		}
		events := linearEvents(records(a.t, &b))
		a.h.record(a.id, began, &linearCall{stream: a.name.Path, kind: linearLook, after: cursor, events: events, max: b.MaxOffset})
		cursor = b.LastOffset
		select {
		case <-done:
			return cursor
		default:
		}
	}
}
