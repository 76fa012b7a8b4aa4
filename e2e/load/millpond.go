//go:build linux

package load

import (
	"bytes"
	"fmt"
	"net"
)

// grantBytes is after how many bytes credit is given again.
const (
	creditBytes = 64 << 20
	grantBytes  = 8 << 20
)

// Millpond is the protocol millpond.v1.
type Millpond struct {
	After string // where subscriptions begin, as JSON; empty: at the end
}

// Dial opens a connection with one subscription, whose first batch has not been read.
func (m Millpond) Dial(addr, path string) (net.Conn, error) {
	c, err := m.Greet(addr)
	if err != nil {
		return nil, err
	}
	after := ""
	if m.After != "" {
		after = `"after":` + m.After + `,`
	}
	message := fmt.Appendf(nil, `{"type":"subscribe","id":1,"stream":{"namespace":"default","path":%q},%s"credit":%d}`, path, after, creditBytes)
	if _, err = c.Write(Text(message)); err == nil {
		err = await(c, `"resume"`)
	}
	return c, err
}

// Greet opens a connection.
func (m Millpond) Greet(addr string) (net.Conn, error) {
	c, err := DialWebsocket(addr, "/api/ws", "millpond.v1")
	if err != nil {
		return nil, err
	}
	if _, err = c.Write(Text([]byte(`{"type":"hello","client":"bench"}`))); err == nil {
		err = await(c, `"welcome"`)
	}
	return c, err
}

// Reader gives credit again, and answers pings.
func (m Millpond) Reader() Reader { return new(millpondReader) }

type millpondReader struct {
	frames frames
	text   []byte
	owed   int // credit
}

func (r *millpondReader) Read(b []byte) (answer []byte, err error) {
	for len(b) > 0 {
		kind, part, rest, last := r.frames.next(b)
		b = rest
		if kind == binaryFrame {
			if r.owed += len(part); r.owed >= grantBytes {
				answer = append(answer, Text(fmt.Appendf(nil, `{"type":"credit","id":1,"bytes":%d}`, r.owed))...)
				r.owed = 0
			}
			continue
		}
		if r.text = append(r.text, part...); !last {
			continue
		}
		if !bytes.Contains(r.text, []byte(`"ping"`)) {
			return nil, fmt.Errorf("unexpected: %.200q", r.text)
		}
		answer = append(answer, Text([]byte(`{"type":"pong","nonce":0}`))...)
		r.text = r.text[:0]
	}
	return answer, nil
}

// AppendMessage is the frame of an append of some events, each as JSON, to a path.
func AppendMessage(path string, events ...[]byte) []byte {
	return Text(fmt.Appendf(nil, `{"type":"append","id":1,"stream":{"namespace":"default","path":%q},"events":[%s]}`, path, bytes.Join(events, []byte(","))))
}

// MessageAnswered is the Answered of an Asker whose answer is one text message, after pings perhaps.
func MessageAnswered(want string) func(answer []byte) (bool, error) {
	return func(answer []byte) (bool, error) {
		var f frames
		var text []byte
		for len(answer) > 0 {
			_, part, rest, last := f.next(answer)
			answer, text = rest, append(text, part...)
			if !last {
				continue
			}
			if bytes.Contains(text, []byte(want)) {
				return true, nil
			}
			if bytes.Contains(text, []byte(`"error"`)) {
				return false, fmt.Errorf("%.300s", text)
			}
			text = text[:0]
		}
		return false, nil
	}
}
