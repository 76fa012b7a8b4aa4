//go:build sim

package sim

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

var errRefused = errors.New("connection refused")

// network joins mirrors to the server by links that fail.
type network struct {
	closed chan struct{} // when the world ends
	clock  *clock
	trace  *trace
	seed   uint64
	chaos  *chaos
	credit int64 // that a mirror may give
	fail   func(format string, args ...any)
	came   func(mirror string) // something has come to a mirror

	doubled func(mirror string)                // the server has heard something twice
	refused func(mirror string, append uint64) // the server has refused an append, be that heard or not

	mu       sync.Mutex
	listener *listener       // nil: the server is down
	dials    map[string]int  // of each mirror
	away     map[string]bool // mirrors that have no network
	links    []*link
}

func newNetwork(c *clock, tr *trace, seed uint64, ch *chaos) *network {
	return &network{clock: c, closed: make(chan struct{}), trace: tr, seed: seed, chaos: ch, dials: map[string]int{}, away: map[string]bool{}}
}

// client dials for a mirror.
func (n *network) client(mirror string) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return n.dial(ctx, mirror) }
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

func (n *network) dial(ctx context.Context, mirror string) (net.Conn, error) {
	n.mu.Lock()
	n.dials[mirror]++
	name := fmt.Sprintf("%s#%d", mirror, n.dials[mirror])
	n.mu.Unlock()
	seed := n.seed ^ hashOf(name)
	r := rand.New(rand.NewPCG(seed, 0))
	select {
	case <-time.After(time.Duration(1 + r.Int64N(int64(40*time.Millisecond)))):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	server, away := n.listener, n.away[mirror]
	n.mu.Unlock()
	switch {
	case away && r.IntN(3) == 0: // nothing answers
		select {
		case <-ctx.Done():
		case <-n.closed:
		}
		return nil, errRefused
	case away || server == nil:
		n.trace.add("%s is refused", name)
		return nil, errRefused
	}
	l := newLink(n, mirror, name, seed)
	n.mu.Lock()
	n.links = append(n.links, l)
	n.mu.Unlock()
	select {
	case server.conns <- &end{in: l.up, out: l.down}:
		return &end{in: l.down, out: l.up}, nil
	case <-server.closed:
		return nil, errRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func hashOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// of is the links of a mirror that are not over, the last one last.
func (n *network) of(mirror string) (list []*link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.links {
		if _, over := l.state(); l.mirror == mirror && !over {
			list = append(list, l)
		}
	}
	return list
}

// open is all links that are not over, by name.
func (n *network) open() (list []*link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links = slices.DeleteFunc(n.links, func(l *link) bool { _, over := l.state(); return over })
	list = slices.Clone(n.links)
	slices.SortFunc(list, func(a, b *link) int { return slices.Compare([]byte(a.name), []byte(b.name)) })
	return list
}

// carry decides what becomes of a frame.
func (n *network) carry(w *way, f *frame) {
	size := len(f.bytes)
	if w.link.net.audit(w, f); f.kind == endFrame {
		n.arrive(w, n.delay(w), f, f.bytes, 0)
		return
	}
	bytes := f.bytes
	fate := fine
	if f.kind != headFrame {
		fate = n.chaos.fate(w.rand, f)
	}
	switch fate {
	case dropped:
		n.trace.add("%s drops %s", w.name, f)
		w.link.lossy = true
		w.sent(size)
		return
	case doubled:
		n.trace.add("%s doubles %s", w.name, f)
		w.link.books.close()
		if w == w.link.up {
			n.doubled(w.link.mirror)
		}
		n.arrive(w, n.delay(w), f, bytes, 0)
	case corrupted:
		n.trace.add("%s corrupts %s", w.name, f)
		bytes = corruptedCopy(w.rand, f)
	case halved:
		n.trace.add("%s is cut in the middle of %s", w.name, f)
		n.arrive(w, n.delay(w), f, bytes[:w.rand.IntN(len(bytes))], size)
		n.clock.at(w.arrived, w.name, w.link.cut)
		return
	case silenced:
		n.trace.add("%s falls silent before %s", w.name, f)
		w.link.silence()
		return
	}
	n.arrive(w, n.delay(w), f, bytes, size)
}

// delay is how long the next frame takes: no less than those before it.
func (n *network) delay(w *way) time.Duration {
	return time.Duration(w.rand.Int64N(int64(20*time.Millisecond))) + n.chaos.lag(w.rand)
}

// arrive plans that a frame arrives, not before those before it.
func (n *network) arrive(w *way, after time.Duration, f *frame, bytes []byte, size int) {
	at := time.Now().Add(after)
	if !at.After(w.arrived) {
		at = w.arrived.Add(time.Duration(1 + w.rand.IntN(1000)))
	}
	w.arrived = at
	n.clock.at(at, w.name, func() {
		w.sent(size)
		if w.deliver(bytes, f.kind == endFrame) {
			n.trace.add("%s %s", w.name, f)
			n.audited(w, f)
			if w == w.link.down {
				n.came(w.link.mirror)
			}
		}
	})
}

// listener is where the server takes connections.
type listener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newListener() *listener {
	return &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *listener) Addr() net.Addr { return simAddr{} }

func (n *network) listen(l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listener = l
}

func (n *network) setAway(mirror string, away bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away[mirror] = away
}
