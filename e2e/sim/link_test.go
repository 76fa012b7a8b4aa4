//go:build sim

package sim

import (
	"cmp"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// windowBytes is how much may be on its way in one direction: who writes more waits.
const windowBytes = 256 << 10

var errReset = errors.New("connection reset by peer")

// link is a connection between a mirror and the server.
type link struct {
	net    *network
	mirror string
	name   string // the mirror's, and the number of its dial

	mu       sync.Mutex
	up, down *way // up: to the server
	silent   bool // nothing gets through any more, and nobody is told
	over     bool // it was cut
	lossy    bool // a frame was dropped, and whoever waits for it waits in vain: see calm
	books    books
}

// way is one direction of a link.
type way struct {
	link *link
	name string
	rand *rand.Rand

	// At the end of who writes.
	text    []byte   // is no whole frame yet
	headed  bool     // the HTTP head has been written
	fresh   []*frame // of this moment
	closes  bool     // a close of the websocket has been written
	ended   bool     // who writes has closed
	sending int      // bytes on their way
	arrived time.Time

	// At the end of who reads.
	inbox  []byte
	eof    bool
	gone   bool  // who reads has closed
	err    error // of both ends: the link was cut
	moved  *sync.Cond
	readBy deadline
}

// deadline is when a call fails.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newLink(n *network, mirror, name string, seed uint64) *link {
	l := &link{net: n, mirror: mirror, name: name}
	l.books.init()
	l.up = &way{link: l, name: name + "→", rand: rand.New(rand.NewPCG(seed, 1)), moved: sync.NewCond(&l.mu)}
	l.down = &way{link: l, name: name + "←", rand: rand.New(rand.NewPCG(seed, 2)), moved: sync.NewCond(&l.mu)}
	return l
}

// write takes what an end writes, and cuts it into frames, which go together at the end of this moment: what several goroutines
// write at once has an order only then.
func (w *way) write(b []byte) (int, error) {
	w.link.mu.Lock()
	defer w.link.mu.Unlock()
	for w.sending > windowBytes && w.err == nil && !w.ended && !w.gone {
		w.moved.Wait()
	}
	switch {
	case w.ended:
		return 0, net.ErrClosed
	case w.err != nil:
		return 0, w.err
	case w.gone:
		return 0, errReset
	}
	w.text = append(w.text, b...)
	w.sending += len(b)
	for {
		f, rest := cutFrame(w.text, !w.headed)
		if f == nil {
			return len(b), nil
		}
		w.headed, w.text = true, rest
		w.closes = w.closes || f.closes()
		w.put(f)
	}
}

// put is called with the lock held.
func (w *way) put(f *frame) {
	w.fresh = append(w.fresh, f)
	if len(w.fresh) == 1 {
		w.link.net.clock.after(1, w.name, w.flush)
	}
}

// flush sends the frames of a moment on their way.
func (w *way) flush() {
	w.link.mu.Lock()
	fresh := w.fresh
	w.fresh = nil
	lost := w.err != nil || w.link.silent // what a program still writes that was killed, is chance
	w.link.mu.Unlock()
	if lost {
		return
	}
	if w == w.link.down {
		fresh = ordered(fresh)
	}
	for _, f := range fresh {
		w.link.net.carry(w, f)
	}
}

// ordered is what the server's goroutines have written in one moment, in one of the orders in which they could have: always the
// same. What belongs to subscriptions may or may not be written still when the websocket is closed: here it is not.
func ordered(fresh []*frame) []*frame {
	if slices.ContainsFunc(fresh, (*frame).closes) {
		fresh = slices.DeleteFunc(fresh, func(f *frame) bool { return f.source() != 0 && f.source() != lastSource })
	}
	slices.SortStableFunc(fresh, func(a, b *frame) int { return cmp.Compare(a.source(), b.source()) })
	return fresh
}

// deliver brings bytes to who reads.
func (w *way) deliver(b []byte, end bool) (delivered bool) {
	w.link.mu.Lock()
	defer w.link.mu.Unlock()
	if w.err != nil || w.link.silent {
		return false
	}
	if !w.gone {
		w.inbox = append(w.inbox, b...)
		w.eof = w.eof || end
	}
	w.moved.Broadcast()
	return true
}

// sent makes room for more.
func (w *way) sent(bytes int) {
	w.link.mu.Lock()
	defer w.link.mu.Unlock()
	if !w.link.silent {
		w.sending -= bytes
		w.moved.Broadcast()
	}
}

func (w *way) read(b []byte) (int, error) {
	w.link.mu.Lock()
	defer w.link.mu.Unlock()
	for {
		switch {
		case w.gone:
			return 0, net.ErrClosed
		case w.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		case len(w.inbox) > 0:
			n := copy(b, w.inbox)
			w.inbox = w.inbox[n:]
			return n, nil
		case w.err != nil:
			return 0, w.err
		case w.eof:
			return 0, io.EOF
		}
		w.moved.Wait()
	}
}

func (w *way) setReadDeadline(t time.Time) {
	w.link.mu.Lock()
	defer w.link.mu.Unlock()
	if w.readBy.timer != nil {
		w.readBy.timer.Stop()
		w.readBy.timer = nil
	}
	w.readBy.at = t
	if d := time.Until(t); !t.IsZero() && d > 0 {
		w.readBy.timer = time.AfterFunc(d, func() {
			w.link.mu.Lock()
			defer w.link.mu.Unlock()
			w.moved.Broadcast()
		})
	}
	w.moved.Broadcast()
}

// cut ends the link for both ends at once.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for _, w := range []*way{l.up, l.down} {
		if w.err == nil {
			w.err = errReset
		}
		w.moved.Broadcast()
	}
}

func (l *link) silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = true
}

func (l *link) state() (silent, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silent, l.over || l.up.gone && l.down.gone
}

// closing reports whether the mirror has told that it closes, or the link is no connection yet. Called with the lock held.
func (l *link) closing() bool { return l.up.closes }

// end is one end of a link, as a net.Conn.
type end struct{ in, out *way }

func (e *end) Read(b []byte) (int, error)  { return e.in.read(b) }
func (e *end) Write(b []byte) (int, error) { return e.out.write(b) }

func (e *end) Close() error {
	l := e.in.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.in.gone {
		return nil
	}
	e.in.gone, e.out.ended = true, true
	if e.in.readBy.timer != nil {
		e.in.readBy.timer.Stop()
	}
	e.in.moved.Broadcast()
	e.out.moved.Broadcast()
	if e.out.err == nil {
		e.out.put(&frame{kind: endFrame})
	}
	return nil
}

func (e *end) LocalAddr() net.Addr                { return simAddr{} }
func (e *end) RemoteAddr() net.Addr               { return simAddr{} }
func (e *end) SetDeadline(t time.Time) error      { return e.SetReadDeadline(t) }
func (e *end) SetReadDeadline(t time.Time) error  { e.in.setReadDeadline(t); return nil }
func (e *end) SetWriteDeadline(t time.Time) error { return nil } // websockets have their own

type simAddr struct{}

func (simAddr) Network() string { return "sim" }
func (simAddr) String() string  { return "sim" }
