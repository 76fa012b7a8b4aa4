//go:build linux

package load

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
)

// NATS is the client protocol of NATS.
type NATS struct{}

var crlf = []byte("\r\n")

// Greet opens a connection.
func (NATS) Greet(addr string) (net.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if _, err = c.Write([]byte("CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true,\"protocol\":1}\r\nPING\r\n")); err == nil {
		err = awaitLine(c, "PONG\r\n")
	}
	return c, err
}

// Dial opens a connection that has subscribed to a subject.
func (NATS) Dial(addr, subject string) (net.Conn, error) {
	c, err := NATS{}.Greet(addr)
	if err != nil {
		return nil, err
	}
	if _, err = fmt.Fprintf(c, "SUB %s 1\r\nPING\r\n", subject); err == nil {
		err = awaitLine(c, "PONG\r\n")
	}
	return c, err
}

// Reader reads nothing: what arrives is counted by its marks.
func (NATS) Reader() Reader { return silent{} }

// Publish is a message with a subject; reply may be empty.
func (NATS) Publish(subject, reply string, payload []byte) []byte {
	return fmt.Appendf(nil, "PUB %s %s %d\r\n%s\r\n", subject, reply, len(payload), payload)
}

// PublishBatch is n messages that JetStream stores all or none, and acknowledges once.
func (NATS) PublishBatch(subject, reply, id string, n int, payload []byte) (b []byte) {
	for i := range n {
		head, to := fmt.Sprintf("NATS/1.0\r\nNats-Batch-Id: %s\r\nNats-Batch-Sequence: %d\r\n", id, i+1), ""
		if i == n-1 {
			head, to = head+"Nats-Batch-Commit: 1\r\n", reply
		}
		head += "\r\n"
		b = fmt.Appendf(b, "HPUB %s %s %d %d\r\n%s%s\r\n", subject, to, len(head), len(head)+len(payload), head, payload)
	}
	return b
}

// Request sends a request of JetStream's API and waits for the answer.
func (NATS) Request(c net.Conn, subject string, body string) error {
	if _, err := fmt.Fprintf(c, "SUB _INBOX.api 99\r\nUNSUB 99 1\r\nPUB %s _INBOX.api %d\r\n%s\r\n", subject, len(body), body); err != nil {
		return err
	}
	answer, err := readUntil(c, func(b []byte) bool {
		_, ok := natsMessage(b)
		return ok
	})
	if err == nil && bytes.Contains(answer, []byte(`"error"`)) {
		err = fmt.Errorf("%s: %s", subject, answer)
	}
	return err
}

// NATSAcknowledged is the Answered of an Asker that publishes to JetStream.
func NATSAcknowledged(answer []byte) (bool, error) {
	message, ok := natsMessage(answer)
	if ok && (!bytes.Contains(message, []byte(`"seq"`)) || bytes.Contains(message, []byte(`"error"`))) {
		return false, fmt.Errorf("not acknowledged: %s", message)
	}
	if bytes.HasPrefix(answer, []byte("-ERR")) {
		return false, fmt.Errorf("%.200s", answer)
	}
	return ok, nil
}

// natsMessage is the payload of the first message, when it is whole.
func natsMessage(b []byte) (payload []byte, ok bool) {
	for {
		line, rest, ok := bytes.Cut(b, crlf)
		if !ok {
			return nil, false
		}
		if !bytes.HasPrefix(line, []byte("MSG ")) && !bytes.HasPrefix(line, []byte("HMSG ")) {
			b = rest
			continue
		}
		fields := bytes.Fields(line)
		n, err := strconv.Atoi(string(fields[len(fields)-1]))
		if err != nil || len(rest) < n+len(crlf) {
			return nil, false
		}
		return rest[:n], true
	}
}

func awaitLine(c net.Conn, want string) error {
	_, err := readUntil(c, func(b []byte) bool { return bytes.HasSuffix(b, []byte(want)) })
	return err
}

func readUntil(c net.Conn, enough func([]byte) bool) (b []byte, err error) {
	for one := make([]byte, 1); !enough(b); b = append(b, one[0]) {
		if _, err := io.ReadFull(c, one); err != nil {
			return b, err
		}
	}
	return b, nil
}
