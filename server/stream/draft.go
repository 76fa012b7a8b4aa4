package stream

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// draft is what a transaction adds to one stream: it is planned on a copy of the head and shown to nobody before it
// is committed. It does no I/O.
type draft struct {
	head        head               // after the draft
	first       uint64             // offset of the first record
	records     []store.Record     // to commit
	keys        map[string]uint64  // offsets of the idempotency keys that the inputs may meet, stored or in the draft
	core        bool               // state has changed by more than its counts
	checkpoints []store.Checkpoint // to keep or delete
	registered  func(slug string) bool
	now         time.Time // of the events, unless the one before is later
	arena       []byte    // where records are encoded
}

// newDraft begins a draft after the head. keys are those of the inputs to come that are in the log already. Records
// are appended to the arena.
func newDraft(h head, now time.Time, keys map[string]uint64, arena []byte) *draft {
	return &draft{head: h, first: h.offset + 1, keys: keys, now: now, arena: arena}
}

// wake plans the events that begin an instance's run.
func (d *draft) wake(name millpond.Name) {
	if d.head.stream.Incarnation == "" {
		d.head.stream = store.Stream{Name: name, Incarnation: millpond.IncarnationOf(d.time())}
		d.add(millpond.Event{Type: millpond.TypeCreated, Payload: payload(millpond.CreatedPayload{
			Namespace: name.Namespace, Path: name.Path, ID: rand.Text(),
		})})
	}
	d.add(millpond.Event{Type: millpond.TypeWoken, Payload: payload(millpond.WokenPayload{IncarnationID: rand.Text()})})
}

func payload(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a struct of strings
	}
	return b
}

// fulfil plans what a request wants of the log.
func (d *draft) fulfil(r *request) (_ []millpond.Event, err error) {
	if r.presence != nil {
		if r.inputs, err = r.presence.inputs(d); err != nil {
			return nil, err
		}
	}
	return d.append(r.inputs)
}

// append plans all inputs, or none. It returns an event for each: one whose key is in the log already has only
// its offset.
func (d *draft) append(inputs []millpond.Input) ([]millpond.Event, error) {
	before, records, checkpoints, core := d.head, len(d.records), len(d.checkpoints), d.core
	events := make([]millpond.Event, len(inputs))
	for i := range inputs {
		if err := d.appendOne(&inputs[i], &events[i]); err != nil {
			for _, r := range d.records[records:] {
				if r.Key != "" {
					delete(d.keys, r.Key)
				}
			}
			d.head, d.records, d.checkpoints, d.core = before, d.records[:records], d.checkpoints[:checkpoints], core
			return nil, inBatch(err, i, len(inputs))
		}
	}
	return events, nil
}

func (d *draft) appendOne(in *millpond.Input, event *millpond.Event) *millpond.Error {
	if now := d.head.stream.Incarnation; in.Incarnation != "" && in.Incarnation != now && planted != "take what is meant for another incarnation" {
		return &millpond.Error{Code: millpond.IncarnationConflict, Field: "incarnation",
			Message: fmt.Sprintf("the stream is of incarnation %s now: it was reset, or its data is another", now)}
	}
	if offset := d.keys[in.IdempotencyKey]; offset != 0 { // never of the empty key
		if in.Offset != 0 && in.Offset != offset {
			return &millpond.Error{Code: millpond.OffsetConflict, Field: "offset",
				Message: fmt.Sprintf("the event with this idempotency key has offset %d, not %d", offset, in.Offset)}
		}
		event.Offset = offset
		return nil
	}
	if s := &d.head.state; s.Paused && !millpond.AllowedWhilePaused(in.Type) {
		return &millpond.Error{Code: millpond.StreamPaused, Message: "stream paused: " + s.PauseReason}
	}
	if next := d.head.offset + 1; in.Offset != 0 && in.Offset != next {
		return &millpond.Error{Code: millpond.OffsetConflict, Field: "offset",
			Message: fmt.Sprintf("the next offset is %d, not %d", next, in.Offset)}
	}
	if err := d.checkSubscription(in); err != nil {
		return err
	}
	*event = d.add(millpond.Event{Type: in.Type, Payload: in.Payload, Metadata: in.Metadata, Source: in.Source,
		IdempotencyKey: in.IdempotencyKey})
	return nil
}

// add plans an event.
func (d *draft) add(e millpond.Event) millpond.Event {
	e.Offset, e.CreatedAt = d.head.offset+1, d.time()
	start := len(d.arena)
	d.arena = millpond.AppendRecord(d.arena, &e) // when it moves, older records keep the old array
	data := d.arena[start:len(d.arena):len(d.arena)]
	d.head.offset, d.head.at = e.Offset, e.CreatedAt
	d.head.hash = d.head.hash.Next(data)
	subscriptions := d.head.state.Subscriptions
	d.head.state = d.head.state.Reduce(&e)
	d.follow(&e, subscriptions)
	d.core = d.core || millpond.IsCore(e.Type)
	d.records = append(d.records, store.Record{Data: data, Hash: d.head.hash, Key: e.IdempotencyKey})
	if e.IdempotencyKey != "" {
		d.keys[e.IdempotencyKey] = e.Offset
	}
	return e
}

// created reports whether the draft begins the stream.
func (d *draft) created() bool { return d.first == 1 }

// time is the next event's: never before the one before it, whatever the clock does.
func (d *draft) time() time.Time {
	if d.now.Before(d.head.at) {
		return d.head.at
	}
	return d.now
}

// batch is the draft for the store.
func (d *draft) batch() (store.Batch, error) {
	b := store.Batch{Stream: d.head.stream, After: d.first - 1, Records: d.records, Checkpoints: d.checkpoints}
	s := &d.head.saved
	s.stale = s.stale || d.core
	if !s.stale || !s.due(d.head.offset) {
		return b, nil
	}
	var err error
	b.Snapshot, err = takeSnapshot(&d.head.state)
	*s = saved{offset: d.head.offset, bytes: len(b.Snapshot.Data)}
	return b, err
}

// inBatch adds to the error of one input of several which one it is.
func inBatch(err *millpond.Error, i, n int) error {
	if n > 1 {
		index := "[" + strconv.Itoa(i) + "]"
		if err.Field != "" {
			index += "."
		}
		err.Field = index + err.Field
	}
	return err
}
