package session

import (
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond"
)

// The token is asked for before each dial. One that the server has refused leads to a fresh one, by the same way as any lost
// connection leads to the next: so a server that refuses every token is asked ever more seldom.

// getToken begins an attempt to connect where there are tokens.
func (m *Machine) getToken() {
	m.phase = authenticating
	m.connectBy = m.now + TokenTimeout
	m.emit(GetToken{m.epoch, m.tokenRefused})
}

func (in GotToken) step(m *Machine) {
	if m.phase != authenticating {
		return
	}
	if in.Err == nil {
		m.token = in.Token
		m.connect()
		return
	}
	m.forgetConnection()
	problem := &Problem{millpond.Error{Code: millpond.Unavailable, Message: "no token: " + in.Err.Error()}, millpond.Retry}
	var told *millpond.Error
	if errors.As(in.Err, &told) {
		problem = &Problem{*told, told.Code.Action()}
	}
	if problem.Action != millpond.Retry { // there is none to be had, until somebody logs in
		m.stop(problem)
		return
	}
	m.lost(problem)
}

// unauthenticated follows a message that the identity of the connection has ended, be it about one request: all of
// the connection ends with it, and is asked for again on the next.
func (m *Machine) unauthenticated(err millpond.Error) {
	m.hangUp(1000, "")
	m.lost(&Problem{err, millpond.Reauthenticate})
}

func (m *Machine) noToken() string { return fmt.Sprintf("no token came within %v", TokenTimeout) }
