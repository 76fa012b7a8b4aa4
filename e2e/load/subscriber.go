//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

// Service is a server that events can be subscribed to.
type Service interface {
	// Dial opens a connection that has subscribed to what is published under a name.
	Dial(addr, name string) (net.Conn, error)
	// Reader makes what reads such a connection.
	Reader() Reader
}

// Reader works on what arrives: answer, when there is one, is to be sent.
type Reader interface {
	Read(b []byte) (answer []byte, err error)
}

// Subscribers are connections that count what arrives.
type Subscribers struct {
	loop  *Loop
	got   []int // events, by subscriber
	total int

	Latency  Latencies // of all deliveries
	Received int       // bytes, those of the protocols included
}

// Subscribe opens n connections. It answers pings meanwhile.
func Subscribe(service Service, addr, name string, n int) (_ *Subscribers, err error) {
	const atATime = 128
	s := &Subscribers{got: make([]int, n)}
	if s.loop, err = NewLoop(); err != nil {
		return nil, err
	}
	for from := 0; from < n && err == nil; from += atATime {
		var conns []net.Conn
		conns, err = dialAll(min(atATime, n-from), func() (net.Conn, error) { return service.Dial(addr, name) })
		for i, c := range conns {
			if err == nil {
				err = s.add(from+i, c, service.Reader())
			}
		}
		if err == nil {
			err = s.loop.once()
		}
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// add counts what arrives on the i-th connection.
func (s *Subscribers) add(i int, c net.Conn, reader Reader) error {
	var marks marks
	var conn *Conn
	conn, err := s.loop.Add(c, func(b []byte) error {
		answer, err := reader.Read(b)
		if err == nil && len(answer) > 0 {
			err = conn.Write(answer)
		}
		now := time.Now().UnixNano()
		s.Received += len(b)
		events := marks.find(b, func(at int64) { s.Latency.Add(time.Duration(now - at)) })
		s.got[i] += events
		s.total += events
		return err
	})
	return err
}

// dialAll opens connections, some at a time.
func dialAll(n int, dial func() (net.Conn, error)) ([]net.Conn, error) {
	const workers = 16
	conns, errs := make([]net.Conn, n), make([]error, n)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for i := worker; i < n; i += workers {
				conns[i], errs[i] = dial()
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
		return nil, fmt.Errorf("open %d connections: %w", n, err)
	}
	return conns, nil
}

// Close closes all connections.
func (s *Subscribers) Close() { s.loop.Close() }

// Deliveries is how many events have arrived, on all connections together. It is for the function given to Run.
func (s *Subscribers) Deliveries() int { return s.total }

// Run reads until done says so.
func (s *Subscribers) Run(done func() bool) error { return s.loop.Run(done) }

// Missed is how many events of those published have not arrived, on all connections together.
func (s *Subscribers) Missed(published int) (missed int) {
	for _, got := range s.got {
		if got != published {
			missed += max(published-got, got-published)
		}
	}
	return missed
}

// An event carries when it was published, behind a mark that no server changes: so who reads finds it in the bytes of any protocol.
var mark = []byte(`"at":`)

const timeDigits = 19 // of nanoseconds since 1970

// Payload is that of an event, of a size of at least 40 bytes.
func Payload(at time.Time, size int) []byte {
	const head, tail = `{"at":`, `,"text":"`
	b := strconv.AppendInt([]byte(head), at.UnixNano(), 10)
	b = append(b, tail...)
	return append(append(b, bytes.Repeat([]byte("x"), size-len(b)-2)...), `"}`...)
}

// marks finds the times of events in a stream of bytes.
type marks struct {
	kept [len(`"at":`) + timeDigits]byte // the end of what came, which may begin a mark
	n    int
}

// find calls fn with each time, and returns how many there are.
func (m *marks) find(b []byte, fn func(at int64)) (found int) {
	if m.n > 0 {
		// What was kept, and as much again as a mark that begins there may need.
		joint := append(append(make([]byte, 0, 2*len(m.kept)), m.kept[:m.n]...), b[:min(len(b), len(m.kept)-1)]...)
		found += scan(joint, m.n, fn)
	}
	found += scan(b, len(b), fn)
	m.keep(b)
	return found
}

// scan finds the whole marks that begin before the limit.
func scan(b []byte, limit int, fn func(at int64)) (found int) {
	for from := 0; ; {
		i := bytes.Index(b[from:], mark)
		if i < 0 || from+i >= limit || len(b)-from-i < len(mark)+timeDigits {
			return found
		}
		digits := b[from+i+len(mark):][:timeDigits]
		at := int64(0)
		for _, d := range digits {
			at = at*10 + int64(d-'0')
		}
		fn(at)
		found++
		from += i + len(mark) + timeDigits
	}
}

// keep keeps the end of b when a mark that is not whole may begin there.
func (m *marks) keep(b []byte) {
	if len(b) < len(m.kept)-1 { // too little to forget what came before
		all := append(append([]byte(nil), m.kept[:m.n]...), b...)
		b = all
	}
	m.n = 0
	for i := max(0, len(b)-len(m.kept)+1); i < len(b); i++ {
		if rest := b[i:]; bytes.HasPrefix(rest, mark) || len(rest) < len(mark) && bytes.HasPrefix(mark, rest) {
			m.n = copy(m.kept[:], rest)
			return
		}
	}
}
