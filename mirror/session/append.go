package session

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/millpond-dev/millpond"
)

// appending is an append without an answer.
type appending struct {
	id       uint64
	name     millpond.Name
	events   json.RawMessage
	sent     bool          // on the open connection
	deadline time.Duration // of being sent; Never once it is
}

func (in Append) step(m *Machine) {
	switch {
	case m.phase == closed:
		m.fails(in.ID, closedError())
		return
	case len(m.appends) >= MaxAppends || m.appendBytes+len(in.Events) > MaxAppendBytes:
		m.fails(in.ID, millpond.Error{Code: millpond.RateLimited,
			Message: fmt.Sprintf("%d appends wait for the server: wait for some of them to end", len(m.appends))})
		return
	}
	m.appends = append(m.appends, &appending{id: in.ID, name: in.Name, events: in.Events, deadline: m.now + m.config.AppendWait})
	m.appendBytes += len(in.Events)
	m.sendAppends()
}

func (in CancelAppend) step(m *Machine) { m.forgetAppend(in.ID) }

// sendAppends sends those that the open connection has not seen, in order.
func (m *Machine) sendAppends() {
	if m.phase != ready || m.leaving() {
		return
	}
	for _, a := range m.appends {
		if !a.sent {
			a.sent = true
			a.deadline = Never
			m.send(&millpond.Append{ID: a.id, Stream: a.name, Events: a.events})
		}
	}
}

func (m *Machine) appended(msg *millpond.Appended) {
	if m.forgetAppend(msg.ID) {
		m.emit(AppendDone{ID: msg.ID, Events: msg.Events})
	}
}

// appendRefused follows an ErrorMessage for an append. A server that goes away refuses for that reason only: the next
// connection tells.
func (m *Machine) appendRefused(id uint64, err millpond.Error) {
	if m.leaving() && err.Code == millpond.Unavailable {
		return
	}
	if m.forgetAppend(id) {
		m.fails(id, err)
	}
}

// expireAppends fails those that waited too long for a connection.
func (m *Machine) expireAppends() {
	for _, a := range slices.Clone(m.appends) {
		if a.deadline <= m.now {
			m.forgetAppend(a.id)
			m.fails(a.id, m.notConnected())
		}
	}
}

func (m *Machine) notConnected() millpond.Error {
	why := ""
	if m.problem != nil {
		why = ": " + m.problem.Message
	}
	return millpond.Error{Code: millpond.Unavailable,
		Message: fmt.Sprintf("no connection to the server within %v; append again with the same idempotency key%s", m.config.AppendWait, why)}
}

func (m *Machine) failAppends(err millpond.Error) {
	for _, a := range m.appends {
		m.fails(a.id, err)
	}
	m.appends, m.appendBytes = nil, 0
}

func (m *Machine) fails(id uint64, err millpond.Error) { m.emit(AppendDone{ID: id, Err: &err}) }

// forgetAppend is false when there is none with the id.
func (m *Machine) forgetAppend(id uint64) bool {
	i := slices.IndexFunc(m.appends, func(a *appending) bool { return a.id == id })
	if i < 0 {
		return false
	}
	m.appendBytes -= len(m.appends[i].events)
	m.appends = slices.Delete(m.appends, i, i+1)
	return true
}
