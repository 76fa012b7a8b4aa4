package session

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/millpond-dev/millpond"
)

// sim is a machine with a model of all that surrounds it. Its check methods panic with what is wrong.
type sim struct {
	rand    *rand.Rand
	now     time.Duration
	machine *Machine
	server  *modelServer
	faults  bool

	asking  *GetToken // that is out
	token   string    // that the shell has kept
	dialing uint64    // epoch of the dial that is out; 0: none
	conn    *modelConn
	stale   []Input // of connections that are over
	wakeAt  time.Duration

	copies   map[millpond.Name]*modelCopy
	wanted   map[millpond.Name]bool
	applying []Apply
	heardAt  time.Duration

	lastAppend uint64
	pending    map[uint64]millpond.Name // appends without an end
	acked      map[millpond.Name][]uint64
	meant      map[uint64]millpond.Incarnation // of each append
	steps      int
}

// modelCopy is the copy of a stream.
type modelCopy struct {
	position millpond.Position
	records  [][]byte
}

func newSim(seed uint64) *sim {
	r := rand.New(rand.NewPCG(seed, 0))
	s := &sim{
		rand:    r,
		server:  &modelServer{rand: r, logs: make(map[millpond.Name]*modelLog), conns: make(map[uint64]*modelConn)},
		faults:  true,
		wakeAt:  Never,
		copies:  make(map[millpond.Name]*modelCopy),
		wanted:  make(map[millpond.Name]bool),
		pending: make(map[uint64]millpond.Name),
		acked:   make(map[millpond.Name][]uint64),
		meant:   make(map[uint64]millpond.Incarnation),
	}
	s.server.tired = func() bool { return s.faults && r.IntN(10) == 0 }
	s.machine = New(Config{Rand: r.Float64, Tokens: seed%2 == 1})
	return s
}

// step gives the machine an input, checks what it does, and takes its effects.
func (s *sim) step(in Input) {
	s.steps++
	before := *s.machine
	effects := s.machine.Step(s.now, in)
	s.checkBackoff(&before, in)
	for _, e := range effects {
		s.take(e)
	}
	s.checkState()
}

func (s *sim) take(e Effect) {
	switch e := e.(type) {
	case GetToken:
		if s.asking != nil || s.dialing != 0 || s.conn != nil {
			panic("B8: a token is asked for while one is, or while dialing or connected")
		}
		s.asking = &e
	case Dial:
		if s.asking != nil || s.dialing != 0 || s.conn != nil {
			panic("B8: a second dial while one is out, or while connected")
		}
		s.dialing = e.Epoch
	case Close:
		s.connectionOver(e.Epoch)
	case Send:
		if s.conn == nil || s.conn.epoch != e.Epoch {
			panic("a message for a connection that is not open")
		}
		s.conn.toServer = append(s.conn.toServer, e.Message)
		if a, ok := e.Message.(*millpond.Append); ok {
			if s.conn.appends[a.ID] {
				panic("an append was sent twice on one connection")
			}
			s.conn.appends[a.ID] = true
		}
	case Apply:
		if slices.ContainsFunc(s.applying, func(a Apply) bool { return a.Name == e.Name }) {
			panic("two batches of a stream are with the shell")
		}
		s.applying = append(s.applying, e)
	case AppendDone:
		name, ok := s.pending[e.ID]
		if !ok {
			panic("an append ended twice, or after it was cancelled")
		}
		delete(s.pending, e.ID)
		if e.Err == nil {
			s.acked[name] = append(s.acked[name], e.ID)
		}
	case Wake:
		s.wakeAt = e.At
	}
}

// connectionOver forgets the connection or the dial. What was on its way to the client comes late; of what was on its way
// to the server a part arrives.
func (s *sim) connectionOver(epoch uint64) {
	s.stale = append(s.stale, GotToken{Epoch: epoch}, Connected{epoch}, Disconnected{Epoch: epoch})
	s.asking, s.dialing = nil, 0
	c := s.conn
	s.conn = nil
	if c == nil {
		return
	}
	delete(s.server.conns, c.epoch)
	s.stale = append(s.stale, c.toClient...)
	if !c.silent {
		for _, msg := range c.toServer[:s.rand.IntN(len(c.toServer)+1)] {
			s.server.handle(c, msg)
		}
	}
}

// giveToken answers GetToken, with a kept token while a fresh one is not asked for.
func (s *sim) giveToken() {
	ask := s.asking
	s.asking = nil
	if s.faults && s.rand.IntN(5) == 0 {
		s.step(GotToken{Epoch: ask.Epoch, Err: fmt.Errorf("the issuer is not there")})
		return
	}
	if ask.Fresh || s.token == "" {
		s.token = s.server.token()
	}
	s.step(GotToken{Epoch: ask.Epoch, Token: s.token})
}

// late gives the machine an input of a connection that is over. B1: nothing happens.
func (s *sim) late() {
	if len(s.stale) == 0 {
		return
	}
	i := s.rand.IntN(len(s.stale))
	in := s.stale[i]
	s.stale = slices.Delete(s.stale, i, i+1)
	before := snapshot(s.machine)
	effects := s.machine.Step(s.now, in)
	if len(effects) > 0 || !reflect.DeepEqual(before, snapshot(s.machine)) {
		panic(fmt.Sprintf("B1: the late %T had an effect: %v", in, effects))
	}
}

// snapshot is a deep copy, but for the configuration.
func snapshot(m *Machine) Machine {
	c := *m
	c.config = Config{}
	c.streams = make(map[millpond.Name]*stream)
	for name, s := range m.streams {
		t := *s
		t.sub.queue = slices.Clone(s.sub.queue)
		if s.busy != nil {
			busy := *s.busy
			t.busy = &busy
		}
		c.streams[name] = &t
	}
	c.appends = nil
	for _, a := range m.appends {
		b := *a
		c.appends = append(c.appends, &b)
	}
	return c
}

// finishApply carries out one Apply, perhaps long after it was asked for.
func (s *sim) finishApply() {
	if len(s.applying) == 0 {
		return
	}
	i := s.rand.IntN(len(s.applying))
	a := s.applying[i]
	s.applying = slices.Delete(s.applying, i, i+1)
	if s.faults && s.rand.IntN(6) == 0 {
		s.step(ApplyFailed{Name: a.Name, Err: fmt.Errorf("disk full")})
		return
	}
	next, mismatch := s.copies[a.Name].apply(a)
	if mismatch {
		s.step(ApplyFailed{Name: a.Name, Mismatch: true, Err: fmt.Errorf("other hash")})
		return
	}
	s.copies[a.Name] = next
	s.step(Applied{Name: a.Name, Position: next.position})
}

// apply is the copy after the batch. The machine must never offer a batch that does not continue the copy: only its hash
// may be wrong, when the server corrupted it.
func (c *modelCopy) apply(a Apply) (next *modelCopy, mismatch bool) {
	next = &modelCopy{position: millpond.Position{Incarnation: a.Incarnation}}
	if !a.Rebuild {
		if a.Incarnation != c.position.Incarnation {
			panic("B4: a batch of another incarnation for a copy that was not to be rebuilt")
		}
		*next = modelCopy{c.position, slices.Clone(c.records)}
	}
	for rest := a.Batch.Records; ; {
		record, r, err := millpond.NextRecord(rest)
		if err != nil {
			panic(err)
		}
		if record == nil {
			break
		}
		rest = r
		if offset := millpond.RecordOffset(record); offset != next.position.Offset+1 {
			panic(fmt.Sprintf("offset %d was offered to a copy at %d", offset, next.position.Offset))
		}
		next.position.Offset++
		next.position.Hash = next.position.Hash.Next(record)
		next.records = append(next.records, record)
	}
	return next, next.position.Hash != a.Batch.Hash
}
