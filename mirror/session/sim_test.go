package session

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

var (
	simSeed      = flag.Uint64("session.seed", 0, "run this schedule of TestSchedules only")
	simSchedules = flag.Uint64("session.schedules", 2000, "how many schedules TestSchedules runs")
)

// TestSchedules drives a machine through random schedules of connections made and lost, late callbacks, batches, tokens that are refused, failures
// to apply, resets and restored backups of the server, and checks at every step B1, B4, B7, B8 and B9, the credit, and
// that each append is committed once, in order, and only to the incarnation that it is meant for; and at the end that the copies
// become equal to the logs, and that each append has ended.
func TestSchedules(t *testing.T) {
	if *simSeed != 0 {
		runSchedule(*simSeed)
		return
	}
	schedules := *simSchedules
	if testing.Short() || runtime.GOOS == "js" {
		schedules = min(schedules, 200)
	}
	for seed := uint64(1); seed <= schedules; seed++ {
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Fatalf("seed %d: %v\nrun it again: go test ./mirror/session -run TestSchedules -session.seed=%d", seed, r, seed)
				}
			}()
			runSchedule(seed)
		}()
	}
}

func runSchedule(seed uint64) {
	s := newSim(seed)
	s.step(Start{})
	lossy := false
	for range 300 {
		lossy = s.act() || lossy
		s.checkAppends(lossy)
	}
	// The longest way back: a silent connection is noticed, then the longest backoff, and the same for a stream.
	s.settle(millpond.ProbeInterval + millpond.ProbeTimeout + 2*BackoffCap + MaxRetryAfter)
	s.checkAppends(lossy)
	s.late()
	s.step(Stop{})
	if s.conn != nil || s.asking != nil || s.dialing != 0 || s.wakeAt != Never {
		panic("something is left after Stop")
	}
}

// act does one random thing. It is true when the server lost data.
func (s *sim) act() (lossy bool) {
	names := []millpond.Name{{Namespace: "default", Path: "/a"}, {Namespace: "default", Path: "/b"}, {Namespace: "other", Path: "/a"}}
	name := names[s.rand.IntN(len(names))]
	switch p := s.rand.IntN(100); {
	case p < 20:
		s.pass()
	case p < 50:
		for range s.rand.IntN(4) {
			s.progress()
		}
	case p < 60:
		s.late()
	case p < 66:
		s.toggle(name)
	case p < 72:
		s.append(name)
	case p < 73:
		s.cancel()
	case p < 80:
		log := s.server.log(name)
		for range 1 + s.rand.IntN(5) {
			log.append(millpond.Event{Type: "n", CreatedAt: log.events[0].CreatedAt})
		}
	case p < 84:
		s.finishApply()
	case p < 94:
		return s.fault(name)
	case p < 96:
		s.step(Online{})
	case p < 97:
		s.step(Reconnect{})
	default:
		s.step(Tick{}) // more ticks than asked for
	}
	return false
}

// fault breaks something.
func (s *sim) fault(name millpond.Name) (lossy bool) {
	c := s.conn
	switch p := s.rand.IntN(11); {
	case p == 10 && c != nil && s.machine.config.Tokens && !c.refused:
		s.server.revoke(c)
	case p == 0:
		s.server.logs[name] = s.server.newLog()
		s.server.logs[name].since = s.lastAppend
		s.server.endStream(name, millpond.EndReset)
		return true
	case p == 1: // a restored backup: the process starts again, and with it all connections
		s.hangUp(0)
		log := s.server.log(name)
		s.server.logs[name] = log.restore(2 + s.rand.IntN(len(log.records)-1))
		return true
	case p == 2:
		s.server.endStream(name, millpond.EndKilled)
	case p == 3 && s.dialing != 0:
		epoch := s.dialing
		s.connectionOver(epoch)
		s.step(Disconnected{Epoch: epoch, Err: fmt.Errorf("connection refused")})
	case c == nil:
	case p == 4 && c.welcomed:
		c.leaving = true
		c.say(&millpond.Goaway{RetryAfterMs: s.rand.Int64N(60_000) - 10_000})
	case p == 5:
		c.silent = true
	case p == 6:
		for _, sub := range c.subs {
			sub.corrupt = true
		}
	case p == 7 && c.welcomed:
		for id := range c.subs {
			if c.subs[id].name == name {
				delete(c.subs, id)
				c.say(&millpond.ErrorMessage{Subscription: id, Code: millpond.Internal, Message: "something"})
			}
		}
	case p == 8 && c.welcomed:
		c.say(&millpond.Ping{Nonce: 1})
	default:
		s.hangUp([]int{0, 1001, 1006, 4503, 4429}[s.rand.IntN(5)])
	}
	return false
}

// pass lets time pass, to the timer or not as far.
func (s *sim) pass() {
	d := time.Duration(s.rand.Int64N(int64(3 * time.Second)))
	if s.rand.IntN(4) == 0 || s.now+d >= s.wakeAt {
		if s.wakeAt != Never {
			s.now = max(s.now, s.wakeAt)
			s.step(Tick{})
		}
		return
	}
	s.now += d
}

// accept lets the dial succeed.
func (s *sim) accept() {
	s.conn = &modelConn{epoch: s.dialing, subs: make(map[uint32]*modelSub), appends: make(map[uint64]bool)}
	s.server.conns[s.dialing] = s.conn
	s.dialing = 0
	s.step(Connected{s.conn.epoch})
}

// serve lets the server take a message.
func (s *sim) serve() {
	c := s.conn
	msg := c.toServer[0]
	c.toServer = c.toServer[1:]
	s.server.handle(c, msg)
}

// receive delivers a message to the client.
func (s *sim) receive() {
	c := s.conn
	in := c.toClient[0]
	c.toClient = c.toClient[1:]
	s.heardAt = s.now
	s.step(in)
}

// hangUp ends the connection from the server's side.
func (s *sim) hangUp(code int) {
	if c := s.conn; c != nil {
		s.connectionOver(c.epoch)
		s.step(Disconnected{Epoch: c.epoch, CloseCode: code, Err: fmt.Errorf("lost")})
	}
}

func (s *sim) toggle(name millpond.Name) {
	if s.wanted[name] {
		delete(s.wanted, name)
		s.step(Unsubscribe{name})
		return
	}
	if s.copies[name] == nil {
		s.copies[name] = new(modelCopy)
	}
	s.wanted[name] = true
	s.step(Subscribe{name, s.copies[name].position})
}

func (s *sim) append(name millpond.Name) {
	s.lastAppend++
	s.pending[s.lastAppend] = name
	in := millpond.Input{Type: "a", IdempotencyKey: fmt.Sprint(s.lastAppend)}
	if c := s.copies[name]; c != nil {
		in.Incarnation = c.position.Incarnation
	}
	s.meant[s.lastAppend] = in.Incarnation
	s.step(Append{s.lastAppend, name, append(in.AppendJSON([]byte{'['}), ']')})
}

func (s *sim) cancel() {
	for id := range s.lastAppend {
		if _, ok := s.pending[id]; ok {
			delete(s.pending, id)
			s.step(CancelAppend{id})
			return
		}
	}
}
