package session

import "github.com/millpond-dev/millpond"

// Moved says that the copy of a stream is at another position than the last batch has left it at: the database was
// replaced. The stream is subscribed to again from there.
type Moved struct {
	Name     millpond.Name
	Position millpond.Position
}

func (in Moved) step(m *Machine) {
	s := m.streams[in.Name]
	if s == nil || s.busy == nil && s.position == in.Position {
		return
	}
	s.position = in.Position // what a batch that is still with the shell comes to, its answer says
	s.mismatches = 0
	m.leave(s)
	m.subscribe(s)
	m.changed = true
}

// Append is the events of an append that has no answer yet; nil when there is none with the id.
func (m *Machine) Append(id uint64) []byte {
	for _, a := range m.appends {
		if a.id == id {
			return a.events
		}
	}
	return nil
}
