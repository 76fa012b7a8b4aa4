package server

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// fakeNet is a network in memory, for tests with fake time: goroutines that wait for it are blocked durably, as
// testing/synctest calls it. Each direction of a connection holds up to window bytes.
type fakeNet struct {
	window int
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func newFakeNet(window int) *fakeNet {
	return &fakeNet{window: window, conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (n *fakeNet) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *fakeNet) Close() error   { n.once.Do(func() { close(n.closed) }); return nil }
func (n *fakeNet) Addr() net.Addr { return fakeAddr{} }

func (n *fakeNet) dial() (net.Conn, error) {
	up, down := newFakePipe(n.window), newFakePipe(n.window)
	select {
	case n.conns <- &fakeConn{in: up, out: down}:
		return &fakeConn{in: down, out: up}, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

type fakeAddr struct{}

func (fakeAddr) Network() string { return "fake" }
func (fakeAddr) String() string  { return "fake" }

// fakeConn is one end of a connection.
type fakeConn struct{ in, out *fakePipe }

func (c *fakeConn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *fakeConn) Write(b []byte) (int, error) { return c.out.write(b) }
func (c *fakeConn) Close() error                { c.in.close(); c.out.close(); return nil }
func (c *fakeConn) LocalAddr() net.Addr         { return fakeAddr{} }
func (c *fakeConn) RemoteAddr() net.Addr        { return fakeAddr{} }
func (c *fakeConn) SetDeadline(t time.Time) error {
	c.SetWriteDeadline(t)
	return c.SetReadDeadline(t)
}
func (c *fakeConn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writing, t)
	return nil
}
func (c *fakeConn) SetReadDeadline(t time.Time) error { c.in.setDeadline(&c.in.reading, t); return nil }

// fakePipe is one direction.
type fakePipe struct {
	window int

	mu               sync.Mutex
	changed          *sync.Cond
	data             []byte
	closed           bool
	reading, writing deadline
}

// deadline is when one end's calls fail.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func newFakePipe(window int) *fakePipe {
	p := &fakePipe{window: window}
	p.changed = sync.NewCond(&p.mu)
	return p
}

func (p *fakePipe) read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.reading.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p.data) > 0:
			n := copy(b, p.data)
			p.data = p.data[n:]
			p.changed.Broadcast()
			return n, nil
		case p.closed:
			return 0, io.EOF
		}
		p.changed.Wait()
	}
}

func (p *fakePipe) write(b []byte) (written int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(b) > 0 {
		for len(p.data) == p.window && !p.closed && !p.writing.passed() {
			p.changed.Wait()
		}
		if p.writing.passed() {
			return written, os.ErrDeadlineExceeded
		}
		if p.closed {
			return written, net.ErrClosed
		}
		n := min(len(b), p.window-len(p.data))
		p.data = append(p.data, b[:n]...)
		b = b[n:]
		written += n
		p.changed.Broadcast()
	}
	return written, nil
}

func (p *fakePipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.reading.stop()
	p.writing.stop()
	p.changed.Broadcast()
}

func (p *fakePipe) setDeadline(which *deadline, t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	which.stop()
	which.at = t
	if d := time.Until(t); !t.IsZero() && d > 0 && !p.closed {
		which.timer = time.AfterFunc(d, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.changed.Broadcast()
		})
	}
	p.changed.Broadcast()
}
