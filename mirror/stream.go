package mirror

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/session"
)

// Stream is one of those who follow a stream of a mirror. Its methods may be called from any goroutine.
type Stream struct {
	mirror *Mirror
	name   millpond.Name
	closed atomic.Bool
}

// Stream opens a stream of the mirror, and follows it until the last of those who have opened it has closed it. It does
// not wait for the server. Closed, the copy stays and can be queried.
func (m *Mirror) Stream(name millpond.Name) (*Stream, error) {
	if err := name.Validate(); err != nil {
		return nil, err
	}
	var err error
	if failed := m.do(context.Background(), func(l *loop) { err = l.follow(name) }); failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, err
	}
	return &Stream{mirror: m, name: name}, nil
}

// Name is the stream's name.
func (s *Stream) Name() millpond.Name { return s.name }

// Close ends this one's interest in the stream. It may be called more than once.
func (s *Stream) Close() {
	if s.closed.CompareAndSwap(false, true) {
		s.mirror.chores.add(func(l *loop) { l.unfollow(s.name) })
	}
}

// follow counts one more who has the stream open: the first subscribes.
func (l *loop) follow(name millpond.Name) error {
	if l.streams[name] == 0 {
		if len(l.streams) >= millpond.MaxSubscriptions {
			return &millpond.Error{Code: millpond.RateLimited,
				Message: fmt.Sprintf("%d streams are open, and more cannot be: close one first", len(l.streams))}
		}
		position, err := l.resumeAt(name)
		if err != nil {
			return err
		}
		l.step(session.Subscribe{Name: name, Position: position})
	}
	l.streams[name]++
	return nil
}

// unfollow counts one less: the last unsubscribes.
func (l *loop) unfollow(name millpond.Name) {
	l.streams[name]--
	if l.streams[name] == 0 {
		delete(l.streams, name)
		l.step(session.Unsubscribe{Name: name})
		l.dischargeAll(name)
	}
}
