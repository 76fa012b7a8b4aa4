package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// recordingConn keeps each write apart.
type recordingConn struct {
	net.Conn
	writes    [][]byte
	deadlines int
}

func (c *recordingConn) Write(b []byte) (int, error) {
	c.writes = append(c.writes, bytes.Clone(b))
	return len(b), nil
}

func (c *recordingConn) SetWriteDeadline(time.Time) error { c.deadlines++; return nil }

// A small message is one write, a large one is the bytes that were given, and after the close frame there is none.
func TestWire(t *testing.T) {
	c := &recordingConn{}
	w := newWire(c)
	send := func(head, body string) error {
		return w.send(t.Context(), websocket.MessageBinary, []byte(head), []byte(body))
	}
	for _, size := range []int{0, 1, 125 - 4, 126 - 4, 1000, smallMessageBytes, 1<<16 - 1 - 4, 1<<16 - 4, 100_000} {
		c.writes = nil
		body := bytes.Repeat([]byte("x"), size)
		if err := send("head", string(body)); err != nil {
			t.Fatal(err)
		}
		if small := size < smallMessageBytes-20; small != (len(c.writes) == 1) {
			t.Errorf("a message of %d bytes was %d writes", size, len(c.writes))
		}
		frame := bytes.Join(c.writes, nil)
		kind, message := readFrame(t, frame)
		if kind != websocket.MessageBinary || string(message) != "head"+string(body) {
			t.Errorf("a message of %d bytes was sent as %.40q", size, frame)
		}
	}
	if c.deadlines != 1 {
		t.Errorf("the deadline was set %d times in no time", c.deadlines)
	}
	const closeFrame = "\x88\x02\x03\xe8"
	if _, err := w.Write([]byte(closeFrame)); err != nil {
		t.Fatal(err)
	}
	if err := send("head", "body"); err != errClosing {
		t.Errorf("a message after the close frame: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.turn <- struct{}{} // another message is being written
	if err := w.send(ctx, websocket.MessageText, nil, nil); err != context.Canceled {
		t.Errorf("waiting for another message: %v", err)
	}
}

// readFrame reads the one frame of a whole message.
func readFrame(t *testing.T, frame []byte) (websocket.MessageType, []byte) {
	t.Helper()
	head, size := 2, uint64(frame[1])
	switch frame[1] {
	case 126:
		head, size = 4, uint64(binary.BigEndian.Uint16(frame[2:]))
	case 127:
		head, size = 10, binary.BigEndian.Uint64(frame[2:])
	}
	shortest := map[int]uint64{2: 0, 4: 126, 10: 1 << 16}[head]
	if frame[0]&0xf0 != 0x80 || size != uint64(len(frame)-head) || size < shortest {
		t.Fatalf("%.40q: a frame of %d bytes says that it has %d", frame, len(frame)-head, size)
	}
	return websocket.MessageType(frame[0] & 0x0f), frame[head:]
}
