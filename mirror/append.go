package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/random"
	"github.com/millpond-dev/millpond/mirror/session"
)

// Appended is an append that the mirror has made durable, and that the server may not have yet.
type Appended struct {
	// ID is its append_id in the table outbox.
	ID     uint64
	mirror *Mirror

	done   chan struct{} // closed at its end
	events []millpond.Event
	err    error
}

// Append keeps the inputs, as one atomic batch, and returns when a power cut would not lose them any more: with a server or
// without. They are sent in the order of the calls, and committed once, whatever becomes of the connection or of this
// program: each input without an idempotency key is given one. [Appended.Wait] waits for the server.
//
// It fails when the inputs are invalid, with [outbox.ErrFull], or as the storage does; then nothing is kept. When ctx ends
// first they may have been.
func (s *Stream) Append(ctx context.Context, inputs ...millpond.Input) (*Appended, error) {
	if s.closed.Load() {
		return nil, &millpond.Error{Code: millpond.Unavailable, Message: "the stream is closed: open it again"}
	}
	name, inputs, err := checkInputs(s.name, inputs)
	if err != nil {
		return nil, err
	}
	a := &Appended{mirror: s.mirror, done: make(chan struct{})}
	if err := s.mirror.change(ctx, func(l *loop) error { return l.keep(name, inputs, a) }); err != nil {
		return nil, fmt.Errorf("append to %s: %w", name, err)
	}
	return a, nil
}

// Wait returns the committed events, one for each input, once the server has them.
//
// When the server refuses the append it fails with the reason, an [*millpond.Error]: the append stays in the outbox until it
// is sent again ([Mirror.RetryAppend]) or dropped. When the mirror has no connection and gets none within [Options.AppendWait],
// or ctx ends, or the mirror is closed, it fails although the append goes on being sent: wait again.
func (a *Appended) Wait(ctx context.Context) ([]millpond.Event, error) {
	m := a.mirror
	patience := time.NewTicker(m.options.AppendWait)
	defer patience.Stop()
	for {
		select {
		case <-a.done:
			return a.events, a.err
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for append %d: %w", a.ID, context.Cause(ctx))
		case <-m.done:
			return nil, ErrClosed
		case <-patience.C:
			if s := m.Status(); s.Connection != Connected {
				return nil, notConnected(m.options.AppendWait, s.LastError)
			}
		}
	}
}

func notConnected(wait time.Duration, problem *Problem) error {
	why := ""
	if problem != nil {
		why = ": " + problem.Message
	}
	return &millpond.Error{Code: millpond.Unavailable, Message: fmt.Sprintf(
		"no connection to the server within %v; what was appended is kept, and sent as soon as there is one%s", wait, why)}
}

// RetryAppend sends a refused or quarantined append again, to the stream as it is now.
func (m *Mirror) RetryAppend(ctx context.Context, id uint64) error {
	return m.change(ctx, func(l *loop) error { return l.retryAppend(id) })
}

// DropAppend forgets an append. One that was sent already may be committed all the same.
func (m *Mirror) DropAppend(ctx context.Context, id uint64) error {
	return m.change(ctx, func(l *loop) error { return l.dropAppend(id) })
}

func (m *Mirror) change(ctx context.Context, fn func(*loop) error) (err error) {
	if failed := m.do(ctx, func(l *loop) { err = l.note(fn(l)) }); failed != nil {
		return failed
	}
	return err
}

// checkInputs validates inputs and gives each a key. It returns the stream that they are for, seen from the one given.
func checkInputs(from millpond.Name, inputs []millpond.Input) (to millpond.Name, keyed []millpond.Input, err error) {
	if len(inputs) == 0 {
		return to, nil, &millpond.Error{Code: millpond.InvalidRequest, Message: "there is nothing to append: give one event at least"}
	}
	if len(inputs) > millpond.MaxBatchEvents {
		return to, nil, &millpond.Error{Code: millpond.EventTooLarge,
			Message: fmt.Sprintf("%d events are over the limit of %d for one append", len(inputs), millpond.MaxBatchEvents)}
	}
	keyed = make([]millpond.Input, len(inputs))
	size := len("[]")
	for i, in := range inputs {
		if err := in.ValidateClient(); err != nil {
			return to, nil, atIndex(i, err)
		}
		target := from
		if in.Stream != "" {
			if target, err = from.Resolve(in.Stream); err != nil {
				return to, nil, atIndex(i, err)
			}
		}
		if i > 0 && target != to {
			return to, nil, atIndex(i, &millpond.Error{Code: millpond.InvalidEvent, Field: "stream", Message: "must be the same in all events of an append"})
		}
		to, in.Stream = target, ""
		if in.Incarnation != inputs[0].Incarnation {
			return to, nil, atIndex(i, &millpond.Error{Code: millpond.InvalidEvent, Field: "incarnation", Message: "must be the same in all events of an append"})
		}
		if in.IdempotencyKey == "" {
			in.IdempotencyKey = random.Text()
		}
		keyed[i] = in
		size += len(in.AppendJSON(nil)) + outbox.OverheadBytes
	}
	if size > millpond.MaxBatchBytes {
		return to, nil, &millpond.Error{Code: millpond.EventTooLarge,
			Message: fmt.Sprintf("%d bytes are over the limit of %d for one append of a mirror: append in several, and an event that is larger over HTTP", size, millpond.MaxBatchBytes)}
	}
	return to, keyed, nil
}

// atIndex says in the error which of several inputs is at fault.
func atIndex(i int, err error) error {
	var e *millpond.Error
	if !errors.As(err, &e) {
		return err
	}
	at := *e
	at.Field = fmt.Sprintf("[%d].%s", i, e.Field)
	return &at
}

// keep makes an append durable, and sends it as soon as its turn comes.
func (l *loop) keep(name millpond.Name, inputs []millpond.Input, a *Appended) error {
	incarnation := inputs[0].Incarnation
	if incarnation == "" {
		position, err := l.db.replica.Position(name)
		if err != nil {
			return err
		}
		incarnation = position.Incarnation
	}
	var err error
	if a.ID, err = l.db.outbox.Add(name, incarnation, inputs); err != nil {
		return err
	}
	l.waiting[a.ID] = append(l.waiting[a.ID], a)
	l.askToPersist()
	l.outboxChanged()
	l.feed()
	return nil
}

// end tells those who wait for an append that it has ended.
func (l *loop) end(id uint64, events []millpond.Event, err error) {
	for _, a := range l.waiting[id] {
		a.events, a.err = events, err
		close(a.done)
	}
	delete(l.waiting, id)
}

// feed gives the machine the appends that wait, in order, as many as it may have.
func (l *loop) feed() {
	for len(l.sending) < maxSending {
		next, err := l.db.outbox.Next(l.fed, maxSending-len(l.sending), maxSendingBytes)
		if err != nil || len(next) == 0 {
			l.noteOutbox(err)
			return
		}
		for _, a := range next {
			l.fed = max(l.fed, a.ID)
			if _, ok := l.sending[a.ID]; !ok {
				l.send(&a)
			}
		}
	}
}

func (l *loop) send(a *outbox.Append) {
	l.sending[a.ID] = a.Name
	l.step(session.Append{ID: a.ID, Name: a.Name, Events: a.Events})
}

// acknowledged follows the server's answer. While the stream is followed the row waits for the event, so that who reads the
// tables sees it in one of them at every moment.
func (l *loop) acknowledged(done session.AppendDone) {
	name := l.sending[done.ID]
	delete(l.sending, done.ID)
	switch {
	case done.Err != nil:
		l.write(ending{done.ID, done.Err})
		l.end(done.ID, nil, done.Err)
	default:
		if l.hasAll(name, done.Events) {
			l.write(ending{id: done.ID})
		} else {
			l.acked[done.ID] = name
		}
		l.end(done.ID, done.Events, nil)
	}
	l.feed()
}

// dischargeAll ends those appends to a stream that nobody follows any more, which the server has.
func (l *loop) dischargeAll(name millpond.Name) {
	for id, of := range l.acked {
		if of == name {
			delete(l.acked, id)
			l.write(ending{id: id})
		}
	}
}

// sendAgain has those appends sent on the next connection, too, that the server has acknowledged and whose events have not come
// back: its log may be an older one now, as when a backup was restored. Where they are in it, sending them again changes nothing.
func (l *loop) sendAgain() {
	if len(l.acked) == 0 || planted == "forget what a restored backup has lost" {
		return
	}
	l.fed = min(l.fed, slices.Min(slices.Collect(maps.Keys(l.acked)))-1)
	clear(l.acked)
	l.feed()
}

// hasAll reports whether nothing of the events is still to come through the stream. Where there is no copy yet nobody can tell
// of which life of the stream they are: a row that waited for them might be taken for one that is meant for the next.
func (l *loop) hasAll(name millpond.Name, events []millpond.Event) bool {
	if l.streams[name] == 0 {
		return true
	}
	position, err := l.db.replica.Position(name)
	if _, _, building, _ := l.db.replica.Next(name); err != nil || building { // what is seen is of another log
		return false
	}
	if position.Offset == 0 {
		return true
	}
	for i := range events {
		if events[i].Offset > position.Offset {
			return false
		}
	}
	return true
}

// settleOutbox does what follows from a batch of events that was applied.
func (l *loop) settleOutbox() {
	outcome := l.db.outbox.Outcome()
	for _, c := range outcome.Confirmed {
		delete(l.acked, c.ID)
		l.cancel(c.ID)
		l.end(c.ID, c.Events, nil)
	}
	for _, name := range outcome.Quarantined {
		l.settleQuarantined(name)
	}
	if len(outcome.Confirmed)+len(outcome.Quarantined) > 0 {
		l.outboxChanged()
		l.feed()
	}
}

// settleQuarantined gives up for now what was meant for a stream as it was.
func (l *loop) settleQuarantined(name millpond.Name) {
	troubled, err := l.db.outbox.Troubled()
	l.noteOutbox(err)
	for _, a := range troubled {
		if a.Name == name && a.State == outbox.Quarantined {
			delete(l.acked, a.ID)
			l.cancel(a.ID)
			l.end(a.ID, nil, a.Problem)
		}
	}
}

// cancel takes an append from the machine.
func (l *loop) cancel(id uint64) {
	if _, ok := l.sending[id]; ok {
		delete(l.sending, id)
		l.step(session.CancelAppend{ID: id})
	}
}

func (l *loop) retryAppend(id uint64) error {
	l.writeEndings()
	a, err := l.db.outbox.Get(id)
	if err != nil {
		return err
	}
	position, err := l.db.replica.Position(a.Name)
	if err != nil {
		return err
	}
	if err := l.db.outbox.Retry(id, position.Incarnation); err != nil {
		return err
	}
	l.outboxChanged()
	if a, err = l.db.outbox.Get(id); err != nil {
		return err
	}
	if _, ok := l.sending[id]; !ok && id <= l.fed {
		l.send(&a)
	}
	l.feed() // after a restart nothing has been fed up to it
	return nil
}

func (l *loop) dropAppend(id uint64) error {
	if err := l.db.outbox.Drop(id); err != nil {
		return err
	}
	l.unwrite(id)
	l.cancel(id)
	l.outboxChanged()
	l.end(id, nil, &millpond.Error{Code: millpond.NotFound, Message: "the append was dropped"})
	l.feed()
	return nil
}

// outboxChanged has live queries and the status follow the outbox.
func (l *loop) outboxChanged() {
	l.pending = nil
	l.live.Changed("outbox")
	l.stale = true
	l.soon(flushInterval)
}

// noteOutbox logs that the storage has failed where nobody waits for it. Nothing is lost: an append whose end was not written is sent
// again when the mirror is opened again, and ends the same way.
func (l *loop) noteOutbox(err error) {
	if err != nil {
		l.note(err)
		l.mirror.options.Logger.Error("the outbox cannot be kept up to date", "error", err)
	}
}
