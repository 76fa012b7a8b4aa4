package session

import (
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
)

func (in Received) step(m *Machine) {
	m.heard()
	if m.phase == greeting {
		m.receiveGreeting(in.Message)
		return
	}
	switch msg := in.Message.(type) {
	case *millpond.Resume:
		m.resume(msg)
	case *millpond.Rebuild:
		m.rebuild(msg)
	case *millpond.Unsubscribed:
		m.unsubscribed(msg)
	case *millpond.Appended:
		m.appended(msg)
	case *millpond.ErrorMessage:
		m.receiveError(msg)
	case *millpond.Goaway:
		m.planLeave(time.Duration(min(msg.RetryAfterMs, MaxRetryAfter.Milliseconds())) * time.Millisecond)
	case *millpond.Ping:
		m.send(&millpond.Pong{Nonce: msg.Nonce})
	case *millpond.Pong: // heard is all that it says
	default:
		m.unexpected(msg)
	}
}

func (m *Machine) receiveGreeting(msg millpond.Message) {
	switch msg := msg.(type) {
	case *millpond.Welcome:
		m.welcome(msg)
	case *millpond.ErrorMessage:
		m.receiveError(msg)
	case *millpond.Ping:
		m.send(&millpond.Pong{Nonce: msg.Nonce})
	case *millpond.Goaway:
		m.planLeave(time.Duration(min(msg.RetryAfterMs, MaxRetryAfter.Milliseconds())) * time.Millisecond)
	default:
		m.unexpected(msg)
	}
}

func (m *Machine) welcome(msg *millpond.Welcome) {
	m.phase = ready
	m.greeted, m.tokenRefused = true, false
	m.connectBy = Never
	m.problem = nil
	m.changed = true
	m.creditBytes = msg.Limits.CreditBytes
	m.heard()
	for _, s := range m.ordered() {
		m.subscribe(s)
	}
	m.sendAppends()
}

func (m *Machine) unexpected(msg millpond.Message) {
	m.drop(millpond.InvalidRequest, fmt.Sprintf("the server sent a message out of order: %T", msg))
}

func (m *Machine) receiveError(msg *millpond.ErrorMessage) {
	err := millpond.Error{Code: msg.Code, Message: msg.Message, Field: msg.Field}
	switch {
	case msg.Code == millpond.Unauthenticated:
		m.unauthenticated(err)
	case msg.Subscription != 0:
		m.refused(msg.Subscription, err)
	case msg.Request != 0:
		m.appendRefused(msg.Request, err)
	default:
		m.hangUp(1000, "")
		m.lost(&Problem{err, msg.Code.Action()})
	}
}
