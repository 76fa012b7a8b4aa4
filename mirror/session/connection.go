package session

import (
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
)

func (Start) step(m *Machine) {
	if m.phase == idle {
		m.dial()
	}
}

func (Stop) step(m *Machine) {
	if m.phase == closed {
		return
	}
	m.hangUp(1000, "closed")
	m.phase = closed
	m.reconnectAt, m.leaveAt = Never, Never
	clear(m.streams)
	m.appends = nil
	m.changed = true
}

func (Reconnect) step(m *Machine) {
	if m.phase == idle || m.phase == closed {
		return
	}
	m.hangUp(1000, "reconnecting")
	m.tokenRefused = false // whoever asks for it may know that the server has changed its mind
	m.dial()
}

func (Online) step(m *Machine) {
	switch m.phase {
	case waiting:
		m.dial()
	case dialing: // a dial begun without a network may hang until its timeout
		m.hangUp(1000, "reconnecting")
		m.dial()
	case ready:
		m.probe()
	}
}

// dial begins the next epoch.
func (m *Machine) dial() {
	m.epoch++
	m.reconnectAt, m.leaveAt = Never, Never
	m.changed = true
	if m.config.Tokens {
		m.getToken()
		return
	}
	m.connect()
}

func (m *Machine) connect() {
	m.phase = dialing
	m.connectBy = m.now + ConnectTimeout
	m.emit(Dial{m.epoch})
}

func (Connected) step(m *Machine) {
	if m.phase != dialing {
		return
	}
	m.phase = greeting
	m.send(&millpond.Hello{Client: m.config.Client, Replica: m.config.Replica, Token: m.token})
}

func (in Disconnected) step(m *Machine) {
	m.forgetConnection()
	err := millpond.Error{Code: codeOfClose(in.CloseCode), Message: "the connection ended"}
	if in.Err != nil {
		err.Message = in.Err.Error()
	}
	m.lost(&Problem{err, millpond.ActionOfClose(in.CloseCode)})
}

// drop ends the connection from this side, for a reason that another connection may heal.
func (m *Machine) drop(code millpond.ErrorCode, why string) {
	m.hangUp(code.CloseCode(), why)
	m.lost(&Problem{millpond.Error{Code: code, Message: why}, millpond.Retry})
}

// lost is what follows each lost connection or failed dial: the one place that plans another.
func (m *Machine) lost(problem *Problem) {
	m.problem = problem
	m.changed = true
	planned := m.leaveAt
	m.leaveAt = Never
	again := problem.Action == millpond.Retry
	if problem.Action == millpond.Reauthenticate && m.config.Tokens {
		m.tokenRefused, again = true, true
	}
	if !again {
		m.stop(problem)
		return
	}
	m.phase = waiting
	m.reconnectAt = m.now + m.backoff(m.attempts)
	if planned != Never {
		m.reconnectAt = max(m.reconnectAt, planned)
	}
	m.attempts++
}

// stop is the end of trying, until [Reconnect].
func (m *Machine) stop(problem *Problem) {
	m.problem = problem
	m.phase = stopped
	m.changed = true
}

// hangUp closes the connection or gives the dial up, if there is one.
func (m *Machine) hangUp(code int, why string) {
	if m.open() {
		m.emit(Close{m.epoch, code, why})
		m.forgetConnection()
	}
}

// forgetConnection forgets all that belonged to the connection. What is with the database stays.
func (m *Machine) forgetConnection() {
	m.phase = waiting
	m.connectBy, m.probeAt, m.probeBy = Never, Never, Never
	for _, s := range m.streams {
		s.end()
	}
	for _, a := range m.appends {
		a.sent = planted == "forget what was sent on a lost connection"
	}
}

func (m *Machine) tickConnection() {
	switch {
	case m.connectBy <= m.now && m.phase == authenticating:
		m.drop(millpond.Unavailable, m.noToken())
	case m.connectBy <= m.now:
		m.drop(millpond.Unavailable, fmt.Sprintf("the server did not answer within %v", ConnectTimeout))
	case m.probeBy <= m.now:
		m.drop(millpond.Unavailable, fmt.Sprintf("the server did not answer a probe within %v", millpond.ProbeTimeout))
	case m.open() && m.leaveAt <= m.now:
		m.drop(millpond.Unavailable, "the server said that it goes away")
	case m.probeAt <= m.now:
		m.probe()
	case m.reconnectAt <= m.now:
		m.dial()
	}
}

// heard notes that the other side lives.
func (m *Machine) heard() {
	if m.phase == ready {
		m.probeAt = m.now + millpond.ProbeInterval
		m.probeBy = Never
	}
}

// probe asks the other side for a sign of life.
func (m *Machine) probe() {
	if m.probeBy != Never {
		return
	}
	m.probeAt = Never
	if planted == "never probe" {
		return
	}
	m.nonce++
	m.send(&millpond.Ping{Nonce: m.nonce})
	m.probeBy = m.now + millpond.ProbeTimeout
}

// planLeave follows a Goaway: use what the connection still brings, ask for nothing new, and connect again after the
// delay, spread over half as much again.
func (m *Machine) planLeave(retryAfter time.Duration) {
	delay := min(max(retryAfter, 0), MaxRetryAfter)
	m.leaveAt = m.now + delay + time.Duration(m.config.Rand()*float64(delay/2))
}

func (m *Machine) leaving() bool { return m.leaveAt != Never }
