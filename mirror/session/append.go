package session

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/millpond-dev/millpond"
)

// appending is an append without an answer.
type appending struct {
	id     uint64
	name   millpond.Name
	events json.RawMessage
	sent   bool // on the open connection
}

func (in Append) step(m *Machine) {
	if m.phase == closed {
		return
	}
	at, _ := slices.BinarySearchFunc(m.appends, in.ID, func(a *appending, id uint64) int { return cmp.Compare(a.id, id) })
	m.appends = slices.Insert(m.appends, at, &appending{id: in.ID, name: in.Name, events: in.Events})
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
			m.send(&millpond.Append{ID: a.id, Stream: a.name, Events: a.events})
		}
	}
}

func (m *Machine) appended(msg *millpond.Appended) {
	if m.forgetAppend(msg.ID) {
		m.emit(AppendDone{ID: msg.ID, Events: msg.Events})
	}
}

// appendRefused follows an ErrorMessage for an append. When another attempt may succeed, the connection goes: the server
// takes nothing more on it, so that what was sent behind this one does not overtake it.
func (m *Machine) appendRefused(id uint64, err millpond.Error) {
	if m.leaving() && err.Code == millpond.Unavailable {
		return // a server that goes away refuses for that reason only: the next connection tells
	}
	if action := err.Code.Action(); action != millpond.GiveUp {
		m.hangUp(1000, "an append is to be tried again")
		m.lost(&Problem{err, action})
		return
	}
	if m.forgetAppend(id) {
		m.emit(AppendDone{ID: id, Err: &err})
	}
}

// forgetAppend is false when there is none with the id.
func (m *Machine) forgetAppend(id uint64) bool {
	i := slices.IndexFunc(m.appends, func(a *appending) bool { return a.id == id })
	if i < 0 {
		return false
	}
	m.appends = slices.Delete(m.appends, i, i+1)
	return true
}
