//go:build sim

package sim

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
)

// idleTimeout is short, so that streams leave the memory and come back.
const idleTimeout = 40 * time.Second

var errPlanted = errors.New("a fault of the simulation")

// site is where the server runs: its log, which outlives it, and the server, while it is up.
type site struct {
	w       *world
	rand    *rand.Rand
	log     *memory.Store
	life    *life
	backups []backup
	skew    time.Duration // of the wall clock
	credit  int64
}

// life is one run of the server.
type life struct {
	server   *server.Server
	listener *listener
	log      *memory.Store
	dead     bool // killed: nothing that it still does has an effect
	serving  chan struct{}
	ended    chan struct{} // when it is to end
}

type backup struct {
	log   *memory.Store
	heads map[millpond.Name]*node
}

func newSite(w *world) *site {
	s := &site{w: w, rand: rand.New(rand.NewPCG(w.seed, 0x5e)), credit: int64(1500 + w.rand.IntN(20_000))}
	s.log = memory.New(memory.Options{})
	return s
}

// up starts the server on the log as it is.
func (s *site) up() {
	l := &life{listener: newListener(), serving: make(chan struct{})}
	l.log = s.log.Clone(memory.Options{
		BeforeCommit: func(context.Context, []store.Batch) error { return s.beforeCommit(l) },
		AfterCommit:  func(_ context.Context, b []store.Batch) error { return s.afterCommit(l, b) },
	})
	s.log = l.log
	var err error
	l.server, err = server.New(server.Options{
		Store:       l.log,
		Logger:      slog.New(slog.DiscardHandler),
		IdleTimeout: idleTimeout,
	}.In(server.World{Now: s.now, RandN: func(n time.Duration) time.Duration { return n / 2 }, CreditBytes: s.credit}))
	if err != nil {
		s.w.fail("the server does not start: %v", err)
		return
	}
	s.life = l
	s.w.net.listen(l.listener)
	go func() {
		defer close(l.serving)
		l.server.Serve(l.listener)
	}()
}

func (s *site) now() time.Time { return time.Now().Add(s.skew) }

func (s *site) beforeCommit(l *life) error {
	fails := s.rand.Float64() < s.w.chaos.commit && !s.w.chaos.over
	if l.dead || fails {
		return errPlanted
	}
	return nil
}

func (s *site) afterCommit(l *life, batches []store.Batch) error {
	s.w.ledger.commit(batches)
	if s.rand.Float64() < s.w.chaos.commit/2 && !s.w.chaos.over {
		return errPlanted // it is committed, and the server does not know
	}
	return nil
}

// kill ends the server as a power cut does. What is committed stays.
func (s *site) kill() {
	l := s.life
	if l == nil {
		return
	}
	s.life = nil
	l.dead = true
	s.w.net.listen(nil)
	for _, link := range s.w.net.open() {
		if s.rand.IntN(3) == 0 {
			link.silence() // the machine is gone, and nobody tells
		} else {
			link.cut()
		}
	}
	s.end(l)
}

// leave ends the server as an operator does.
func (s *site) leave() {
	l := s.life
	if l == nil {
		return
	}
	s.life = nil
	s.w.net.listen(nil)
	s.end(l)
}

func (s *site) end(l *life) {
	l.ended = make(chan struct{})
	s.w.ending = append(s.w.ending, l.ended)
	go func() {
		defer close(l.ended)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if l.dead {
			cancel()
		}
		l.server.Close(ctx)
		l.listener.Close()
		<-l.serving
	}()
}

// backUp copies the log while the server runs.
func (s *site) backUp() {
	s.backups = append(s.backups, backup{s.log.Clone(memory.Options{}), s.w.ledger.saved()})
}

// restore puts a backup in the place of the log. The server is down.
func (s *site) restore() bool {
	if len(s.backups) == 0 || s.life != nil {
		return false
	}
	b := s.backups[s.rand.IntN(len(s.backups))]
	s.log = b.log.Clone(memory.Options{})
	s.w.ledger.restore(b.heads)
	return true
}
