package mirror

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/millpond-dev/millpond/mirror/session"
)

// statusWatcher is somebody who wants to know of each status.
type statusWatcher struct {
	fn      func(Status)
	stopped atomic.Bool
}

// WatchStatus calls fn with the status now and each time it has changed, at most once in 16 ms or so. After stop returns
// no call of fn begins; stop may be called from fn.
func (m *Mirror) WatchStatus(fn func(Status)) (stop func()) {
	w := &statusWatcher{fn: fn}
	err := m.do(context.Background(), func(l *loop) {
		l.publish()
		l.watchers[w] = struct{}{}
		w.tell(m.Status())
	})
	if err != nil {
		fn(m.Status())
		return func() {}
	}
	return func() {
		if w.stopped.CompareAndSwap(false, true) {
			m.chores.add(func(l *loop) { delete(l.watchers, w) })
		}
	}
}

func (w *statusWatcher) tell(s Status) {
	if !w.stopped.Load() {
		w.fn(s)
	}
}

// publish makes a new snapshot, if something has changed, and tells those who watch.
func (l *loop) publish() {
	old := l.mirror.status.Load()
	if old != nil && !l.stale {
		return
	}
	l.stale = false
	now := l.status()
	if old != nil && now.Equal(old) {
		return
	}
	l.mirror.status.Store(&now)
	l.logChange(old, &now)
	for w := range l.watchers {
		w.tell(now)
	}
}

func (l *loop) status() Status {
	s := l.machine.Status()
	if l.db == nil { // it could not be replaced: the mirror closes
		return *l.mirror.status.Load()
	}
	status := Status{
		Connection:   connectionOf[s.Phase],
		Epoch:        s.Epoch,
		LastError:    problemOf(s.Problem),
		RetryAt:      l.timeOf(s.RetryAt),
		Storage:      l.db.kind,
		StorageError: l.db.problem,
		ReplicaID:    l.db.replica.ID(),
		AppendsLost:  l.health.lost,
		Streams:      make([]StreamStatus, len(s.Streams)),
	}
	status.Projections = l.projectionStatus()
	if counts, err := l.db.outbox.Counts(); err == nil { // when it fails, all that matters has failed and said so
		status.Outbox = counts
	}
	status.Space = l.health.space
	if status.StorageError == nil {
		status.StorageError = l.health.space.low()
	}
	if l.health.gaveUp != nil {
		status.StorageError = l.health.gaveUp
	}
	if l.health.trouble != nil {
		status.StorageError = l.health.trouble
	}
	for i, st := range s.Streams {
		status.Streams[i] = StreamStatus{
			Name:      st.Name,
			State:     StreamState(st.State),
			Position:  st.Position,
			MaxOffset: st.MaxOffset,
			LastError: problemOf(st.Problem),
			RetryAt:   l.timeOf(st.RetryAt),
		}
		l.rebuildStatus(&status.Streams[i])
	}
	return status
}

var connectionOf = map[session.Phase]Connection{
	session.PhaseIdle:         Offline,
	session.PhaseConnecting:   Connecting,
	session.PhaseConnected:    Connected,
	session.PhaseReconnecting: Reconnecting,
	session.PhaseStopped:      Stopped,
	session.PhaseClosed:       Closed,
}

func problemOf(p *session.Problem) *Problem {
	if p == nil {
		return nil
	}
	message := p.Message
	if p.Field != "" {
		message = p.Field + ": " + message
	}
	return &Problem{Code: p.Code, Message: message, Action: p.Action}
}

func (l *loop) timeOf(at time.Duration) time.Time {
	if at == session.Never {
		return time.Time{}
	}
	return l.start.Add(at).UTC()
}

// logChange logs what a user would want to have been told of.
func (l *loop) logChange(old, now *Status) {
	log := l.mirror.options.Logger
	if old == nil {
		log.Info("mirror opened", "storage", now.Storage, "replica", now.ReplicaID)
		return
	}
	if now.Connection != old.Connection || now.Epoch != old.Epoch && now.Connection != Connecting {
		log.Info("mirror "+string(now.Connection), "epoch", now.Epoch, "error", now.LastError.text())
	}
	if !now.StorageError.equal(old.StorageError) {
		log.Warn("mirror storage", "error", now.StorageError.text())
	}
	l.logProjections(old, now)
	before := make(map[string]StreamStatus, len(old.Streams))
	for _, s := range old.Streams {
		before[s.Name.String()] = s
	}
	for _, s := range now.Streams {
		if b := before[s.Name.String()]; s.State != b.State && (s.State == Failed || s.State == Rebuilding) {
			log.Warn("stream "+string(s.State), "stream", s.Name.String(), "offset", s.Offset, "error", s.LastError.text())
		}
	}
}

func (p *Problem) text() string {
	if p == nil {
		return ""
	}
	return string(p.Code) + ": " + p.Message
}
