package server

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// wire is the connection below a websocket, and writes its messages: each is one frame and one system call, and the records
// of a batch, which many subscribers share, are not copied for each of them. Package websocket, which reads, writes only
// control frames: through Write.
type wire struct {
	net.Conn
	buffers net.Conn      // what net.Buffers knows how to write to at once
	turn    chan struct{} // of capacity 1: who holds it writes
	closing bool          // the close frame is written; of who holds turn
	until   time.Time     // the deadline that is set; of who holds turn
	parts   [2][]byte     // of who holds turn
	list    net.Buffers   // of who holds turn: of parts
}

var errClosing = errors.New("the websocket is closing")

func newWire(c net.Conn) *wire {
	w := &wire{Conn: c, buffers: c, turn: make(chan struct{}, 1)}
	if l, ok := c.(*limitedConn); ok {
		w.buffers = l.Conn
	}
	return w
}

// websocketOn is what the hijacked connection is for package websocket. Its buffers are small: an idle client costs little.
func websocketOn(c net.Conn, buffered *bufio.ReadWriter) (net.Conn, *bufio.ReadWriter) {
	w := newWire(c)
	reader := buffered.Reader
	if reader.Buffered() == 0 {
		reader = bufio.NewReaderSize(c, websocketReadBytes)
	}
	return w, bufio.NewReadWriter(reader, bufio.NewWriterSize(w, controlFrameBytes))
}

// Write writes a control frame.
func (w *wire) Write(b []byte) (int, error) {
	const opcode, closing = 0x0f, 8
	w.turn <- struct{}{} // a message that is being written ends at its deadline, or with the connection
	defer func() { <-w.turn }()
	if len(b) > 0 && b[0]&opcode == closing {
		w.closing = true
	}
	w.extend()
	return w.Conn.Write(b)
}

// extend moves the deadline: not for each message, as that costs as much as a small one.
func (w *wire) extend() {
	if now := time.Now(); w.until.Sub(now) < sendTimeout-sendTimeout/8 {
		w.until = now.Add(sendTimeout)
		w.Conn.SetWriteDeadline(w.until)
	}
}

// small are buffers for messages, and for the beginning of larger ones.
var small = sync.Pool{New: func() any {
	b := make([]byte, 0, smallMessageBytes)
	return &b
}}

// send writes a message: head and body, one after the other.
func (w *wire) send(ctx context.Context, kind websocket.MessageType, head, body []byte) error {
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-w.turn }()
	if w.closing {
		return errClosing
	}
	w.extend()
	buf := small.Get().(*[]byte)
	defer small.Put(buf)
	b := append(appendFrameHeader((*buf)[:0], kind, len(head)+len(body)), head...)
	if len(b)+len(body) <= cap(b) {
		_, err := w.Conn.Write(append(b, body...))
		return err
	}
	w.parts = [2][]byte{b, body}
	w.list = w.parts[:]
	_, err := w.list.WriteTo(w.buffers)
	w.parts = [2][]byte{}
	return err
}

// appendFrameHeader appends the header of the frame of a whole message (RFC 6455, 5.2).
func appendFrameHeader(dst []byte, kind websocket.MessageType, size int) []byte {
	const final = 0x80
	dst = append(dst, final|byte(kind)) // a kind is its opcode
	switch {
	case size < 126:
		return append(dst, byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 127), uint64(size))
	}
}
