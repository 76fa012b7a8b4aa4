package session

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/millpond-dev/millpond"
)

// checkBackoff checks B8 over one step.
func (s *sim) checkBackoff(before *Machine, in Input) {
	m := s.machine
	if m.attempts < before.attempts {
		if _, applied := in.(Applied); !applied || m.phase != ready || m.attempts != 0 {
			panic(fmt.Sprintf("B8: the backoff was reset by %T", in))
		}
	}
	if m.phase == waiting && before.phase != waiting {
		wait := m.reconnectAt - s.now
		full := min(BackoffCap, BackoffBase<<min(before.attempts, 20))
		switch {
		case wait < full/2:
			panic(fmt.Sprintf("B8: %v is too soon after %d attempts", wait, before.attempts))
		case before.leaveAt == Never && wait > full, wait > MaxRetryAfter*3/2:
			panic(fmt.Sprintf("B8: %v is too late after %d attempts", wait, before.attempts))
		case m.attempts != before.attempts+1:
			panic("B8: the backoff does not grow")
		}
	}
}

// checkState checks what holds between any two steps.
func (s *sim) checkState() {
	m := s.machine
	if at := m.nextWake(); at != s.wakeAt {
		panic(fmt.Sprintf("B8: the timer is set for %v, something waits for %v", s.wakeAt, at))
	}
	if (m.reconnectAt != Never) != (m.phase == waiting) {
		panic("B8: a reconnect is planned if and only if there is no connection")
	}
	if m.phase == ready && s.now-s.heardAt > millpond.ProbeInterval+millpond.ProbeTimeout {
		panic("B7: a silent connection was kept")
	}
	if m.config.Tokens && s.conn != nil && m.token == "" {
		panic("connected without a token")
	}
	if m.leaving() && (s.conn == nil || !s.conn.leaving) {
		panic("a new connection is taken for one that the server leaves")
	}
	for name, st := range m.streams {
		c := st.sub.credit
		if c.held < 0 || c.granted+c.held > modelCredit || c.granted < -modelCredit {
			panic(fmt.Sprintf("credit of %v: %+v", name, c))
		}
		if st.sub.id != 0 && (st.retryAt != Never || st.busy != nil && st.busy.id != st.sub.id) {
			panic("B9: subscribed before the backoff was over, or the position known")
		}
		if st.busy == nil && st.position != s.copies[name].position {
			panic(fmt.Sprintf("%v: the machine takes the copy for %v, it is at %v", name, st.position, s.copies[name].position))
		}
		if st.problem != nil && st.problem.Action == millpond.Retry && st.sub.id == 0 && st.busy == nil && st.wanted &&
			st.retryAt == Never && m.phase == ready && !m.leaving() {
			panic("B9: a failed stream is not tried again")
		}
	}
	if len(m.appends) != len(s.pending) {
		panic("an append was lost")
	}
	for id := range s.pending {
		if m.phase == ready && !m.leaving() && !s.conn.appends[id] {
			panic("an append was not sent")
		}
	}
}

// converged says what still differs from the server; empty: nothing.
func (s *sim) converged() string {
	status := s.machine.Status()
	if status.Phase != PhaseConnected {
		return "not connected: " + string(status.Phase)
	}
	if len(s.pending) > 0 {
		return fmt.Sprintf("%d appends wait", len(s.pending))
	}
	for _, st := range status.Streams {
		log := s.server.log(st.Name)
		c := s.copies[st.Name]
		if !slices.EqualFunc(c.records, log.records, slices.Equal) || c.position.Incarnation != log.incarnation {
			return fmt.Sprintf("%v has %d of %d records: %s", st.Name, len(c.records), len(log.records), st.State)
		}
		if st.State != Subscribed || st.Position != c.position || st.MaxOffset != uint64(len(log.records)) || st.Problem != nil {
			return fmt.Sprintf("%v is %+v", st.Name, st)
		}
	}
	if len(status.Streams) != len(s.wanted) {
		return "a stream is missing"
	}
	return ""
}

// checkAppends checks that the events of appends are in each log once and in order. An acknowledged append may be missing
// only where the server lost data.
func (s *sim) checkAppends(lossy bool) {
	for name, log := range s.server.logs {
		var last uint64
		seen := make(map[uint64]bool)
		for _, e := range log.events {
			if e.IdempotencyKey == "" {
				continue
			}
			id, _ := strconv.ParseUint(e.IdempotencyKey, 10, 64)
			if id <= last && id > log.since || seen[id] {
				panic(fmt.Sprintf("append %d stands behind append %d in %v", id, last, name))
			}
			if meant := s.meant[id]; meant != "" && meant != log.incarnation {
				panic(fmt.Sprintf("B15: append %d, meant for %s, is in %s of %v", id, meant, log.incarnation, name))
			}
			last = max(last, id)
			seen[id] = true
		}
		for _, id := range s.acked[name] {
			if !lossy && !seen[id] {
				panic(fmt.Sprintf("append %d was acknowledged and is not in %v", id, name))
			}
		}
	}
}

// settle runs without faults until all is as it should be, and panics when that takes longer than limit.
func (s *sim) settle(limit time.Duration) {
	s.faults = false
	for _, c := range s.server.conns {
		for _, sub := range c.subs {
			sub.corrupt = false
		}
	}
	for end := s.now + limit; ; {
		if s.steps++; s.steps > 100_000 {
			panic("B9: a busy loop")
		}
		if !s.progress() {
			if s.converged() == "" {
				return
			}
			if s.wakeAt == Never || s.wakeAt > end {
				panic("no progress once the faults have stopped: " + s.converged())
			}
			s.now = max(s.now, s.wakeAt)
			s.step(Tick{})
		}
	}
}

// progress lets one thing that is under way happen. It is false when nothing is.
func (s *sim) progress() bool {
	switch c := s.conn; {
	case s.asking != nil:
		s.giveToken()
	case s.dialing != 0:
		s.accept()
	case len(s.applying) > 0 && (!s.faults || s.rand.IntN(2) == 0):
		s.finishApply()
	case c == nil || c.silent:
		return false
	case len(c.toServer) > 0:
		s.serve()
	case len(c.toClient) > 0:
		s.receive()
	default:
		s.server.pump(c)
		return len(c.toClient) > 0
	}
	return true
}
