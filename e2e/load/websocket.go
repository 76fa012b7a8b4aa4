//go:build linux

package load

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// DialWebsocket opens a websocket. Subprotocol may be empty.
func DialWebsocket(addr, path, subprotocol string) (net.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", path, addr)
	if subprotocol != "" {
		request = fmt.Appendf(request, "Sec-WebSocket-Protocol: %s\r\n", subprotocol)
	}
	if _, err = c.Write(append(request, "\r\n"...)); err == nil {
		err = readHead(c)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// readHead reads the answer to a handshake, and nothing behind it.
func readHead(c net.Conn) error {
	var head []byte
	for one := make([]byte, 1); !bytes.HasSuffix(head, headEnd); head = append(head, one[0]) {
		if _, err := io.ReadFull(c, one); err != nil {
			return err
		}
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		return fmt.Errorf("the handshake was refused: %.300q", head)
	}
	return nil
}

// Text is the frame of a text message of a client. Its mask is zero, which is as good as any other here.
func Text(message []byte) []byte {
	const final, text, masked = 0x80, 1, 0x80
	frame := []byte{final | text}
	switch n := len(message); {
	case n < 126:
		frame = append(frame, masked|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, masked|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, masked|127), uint64(n))
	}
	return append(append(frame, 0, 0, 0, 0), message...)
}

// The kinds of frames.
const (
	textFrame   = 1
	binaryFrame = 2
)

// frames finds the frames of a server in what arrives, without looking into them. The zero value is ready for the first.
type frames struct {
	head [10]byte
	have int // bytes of head
	rest int // bytes of the frame that are still to come
}

// next takes what it can of b: part is of a frame of that kind, and ends it when last.
func (f *frames) next(b []byte) (kind byte, part, rest []byte, last bool) {
	for f.rest == 0 {
		if len(b) == 0 {
			return 0, nil, nil, false
		}
		f.head[f.have] = b[0]
		f.have++
		b = b[1:]
		size, known := f.size()
		if !known {
			continue
		}
		f.have = 0
		if f.rest = size; size == 0 {
			return f.head[0] & 15, nil, b, true
		}
	}
	n := min(f.rest, len(b))
	f.rest -= n
	return f.head[0] & 15, b[:n], b[n:], f.rest == 0
}

// size is the length of the frame, once its head is there.
func (f *frames) size() (bytes int, known bool) {
	if f.have < 2 {
		return 0, false
	}
	switch n := f.head[1]; {
	case n < 126:
		return int(n), true
	case n == 126 && f.have == 4:
		return int(binary.BigEndian.Uint16(f.head[2:4])), true
	case n == 127 && f.have == 10:
		return int(binary.BigEndian.Uint64(f.head[2:10])), true
	}
	return 0, false
}

// await reads text messages until one contains what is wanted.
func await(c net.Conn, want string) error {
	var f frames
	var message []byte
	for one := make([]byte, 1); ; {
		if _, err := io.ReadFull(c, one); err != nil {
			return fmt.Errorf("waiting for %s: %w", want, err)
		}
		_, part, _, last := f.next(one)
		message = append(message, part...)
		if !last {
			continue
		}
		if bytes.Contains(message, []byte(want)) {
			return nil
		}
		message = message[:0]
	}
}
