package outbox

import (
	"bytes"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// batch is what the batch of events that is being applied does to the outbox. Memory follows when it has been committed.
type batch struct {
	name        millpond.Name
	gone        []millpond.Event // that rows were waiting for
	quarantined bool             // rows are, because of it
}

// Outcome is what batches of events have done to the outbox.
type Outcome struct {
	Confirmed   []Confirmed
	Quarantined []millpond.Name // streams of which appends are quarantined now
}

// Confirmed is an append all of whose events have come back.
type Confirmed struct {
	ID     uint64
	Events []millpond.Event // those that came back while this outbox was open, in the order of their offsets
}

// Begin begins a batch of the stream's events, inside the transaction that stores them. replace says that the batch begins
// a copy anew, in the place of the one that was there.
func (o *Outbox) Begin(name millpond.Name, incarnation millpond.Incarnation, replace bool) error {
	o.batch = batch{name: name}
	if err := o.loadWithin(); err != nil {
		return err
	}
	if o.names[name] == 0 {
		return nil
	}
	// What was appended before there was a copy is meant for the first that comes.
	err := o.exec(o.stmt.adopt, func(s sqlite.Stmt) error { return bindAll(s, string(incarnation), name.Namespace, name.Path) })
	if err == nil && replace {
		err = o.quarantineAll(name, incarnation)
	}
	return err
}

// quarantineAll quarantines what was meant for another incarnation of the stream than this one.
func (o *Outbox) quarantineAll(name millpond.Name, incarnation millpond.Incarnation) error {
	problem := otherIncarnation()
	err := o.exec(o.stmt.quarantine, func(s sqlite.Stmt) error {
		return bindAll(s, string(problem.Code), problem.Message, name.Namespace, name.Path, string(incarnation))
	})
	o.batch.quarantined = err == nil && o.conn.Changes() > 0
	return err
}

func otherIncarnation() *millpond.Error {
	return &millpond.Error{Code: millpond.IncarnationConflict,
		Message: "the stream was reset, or is another one now, since this was appended: send it to the stream as it is now, or drop it"}
}

// Event says that the batch holds an event. A row that waits for it goes.
func (o *Outbox) Event(e *millpond.Event) error {
	if e.IdempotencyKey == "" {
		return nil
	}
	if _, ok := o.keys[key{o.batch.name, e.IdempotencyKey}]; !ok {
		return nil
	}
	event := *e
	event.Payload, event.Metadata = bytes.Clone(e.Payload), bytes.Clone(e.Metadata)
	o.batch.gone = append(o.batch.gone, event)
	return o.exec(o.stmt.deleteKey, func(s sqlite.Stmt) error {
		return bindAll(s, o.batch.name.Namespace, o.batch.name.Path, e.IdempotencyKey)
	})
}

// End is the end of the batch, still inside the transaction.
func (o *Outbox) End() error { return nil }

// Committed says that the transaction of the batch has been committed.
func (o *Outbox) Committed() {
	b := o.batch
	o.batch = batch{}
	for i := range b.gone {
		k := key{b.name, b.gone[i].IdempotencyKey}
		id := o.keys[k].append
		events := append(o.arrived[id], b.gone[i])
		if o.forget(k) {
			delete(o.arrived, id)
			o.outcome.Confirmed = append(o.outcome.Confirmed, Confirmed{id, events})
		} else {
			o.arrived[id] = events
		}
	}
	if b.quarantined {
		o.outcome.Quarantined = append(o.outcome.Quarantined, b.name)
		o.keys = nil // their states are others now
	}
}

// Outcome returns what the batches since the last call have done to the outbox.
func (o *Outbox) Outcome() Outcome {
	outcome := o.outcome
	o.outcome = Outcome{}
	return outcome
}

// RolledBack says that the transaction was not committed, or that nobody knows.
func (o *Outbox) RolledBack() {
	o.batch = batch{}
	o.keys = nil
}

// Idle reports that no append of the stream waits, so that its events need not be looked at.
func (o *Outbox) Idle(name millpond.Name) bool { return o.keys != nil && o.names[name] == 0 }
