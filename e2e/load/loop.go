//go:build linux

package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const (
	readBytes = 256 << 10 // of one read
	maxReady  = 512       // connections that one wait tells of
	maxWait   = time.Millisecond
)

// Loop reads many connections on one thread. It is for one goroutine.
type Loop struct {
	epoll int
	conns map[int32]*Conn
	ready []unix.EpollEvent
	buf   []byte
}

// Conn is a connection in a loop.
type Conn struct {
	net    net.Conn
	fd     int
	handle func(b []byte) error
}

// NewLoop makes a loop. Close it.
func NewLoop() (*Loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return &Loop{epoll, map[int32]*Conn{}, make([]unix.EpollEvent, maxReady), make([]byte, readBytes)}, err
}

// Close closes the loop and its connections.
func (l *Loop) Close() {
	for _, c := range l.conns {
		c.net.Close()
	}
	unix.Close(l.epoll)
}

// Add gives the loop a connection, which is the loop's from then on. Handle is called with what arrives; the bytes are its own
// until it returns.
func (l *Loop) Add(c net.Conn, handle func(b []byte) error) (*Conn, error) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	conn := &Conn{net: c, handle: handle}
	if err := raw.Control(func(fd uintptr) { conn.fd = int(fd) }); err != nil {
		return nil, err
	}
	l.conns[int32(conn.fd)] = conn
	return conn, unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, conn.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(conn.fd)})
}

// Run reads until done says so, which it asks at least each millisecond.
func (l *Loop) Run(done func() bool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for !done() {
		if err := l.once(); err != nil {
			return err
		}
	}
	return nil
}

// once reads what there is, of some connections.
func (l *Loop) once() error {
	n, err := unix.EpollWait(l.epoll, l.ready, int(maxWait.Milliseconds()))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return err
	}
	for _, event := range l.ready[:max(n, 0)] {
		if err := l.read(l.conns[event.Fd]); err != nil {
			return err
		}
	}
	return nil
}

func (l *Loop) read(c *Conn) error {
	n, err := unix.Read(c.fd, l.buf)
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return err
	case n == 0:
		return fmt.Errorf("the server closed a connection: %w", io.ErrUnexpectedEOF)
	}
	return c.handle(l.buf[:n])
}

// Write sends all of b.
func (c *Conn) Write(b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(c.fd, b)
		switch {
		case errors.Is(err, unix.EAGAIN):
			wait := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLOUT}}
			if _, err := unix.Poll(wait, -1); err != nil && !errors.Is(err, unix.EINTR) {
				return err
			}
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		default:
			b = b[max(n, 0):]
		}
	}
	return nil
}
