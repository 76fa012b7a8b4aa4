//go:build linux

package load

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Asker is one connection that asks, waits for the answer, and asks again.
type Asker struct {
	Conn net.Conn
	// Ask is the next request. Its bytes are the asker's until the answer has come.
	Ask func() []byte
	// Answered says whether all of the answer is there.
	Answered func(answer []byte) (bool, error)
}

// Ask lets all ask for some time. It returns how many were answered in it, and how long each took.
func Ask(askers []Asker, d time.Duration) (answered int, took *Latencies, err error) {
	loop, err := NewLoop()
	if err != nil {
		return 0, nil, err
	}
	defer loop.Close()
	took = new(Latencies)
	end := time.Now().Add(d)
	open := 0 // requests without an answer
	for _, a := range askers {
		var conn *Conn
		var asked time.Time
		var answer []byte
		ask := func() error {
			answer, asked = answer[:0], time.Now()
			open++
			return conn.Write(a.Ask())
		}
		conn, err = loop.Add(a.Conn, func(b []byte) error {
			answer = append(answer, b...)
			ok, err := a.Answered(answer)
			if err != nil || !ok {
				return err
			}
			open--
			now := time.Now()
			if now.After(end) {
				return nil
			}
			answered++
			took.Add(now.Sub(asked))
			return ask()
		})
		if err == nil {
			err = ask()
		}
		if err != nil {
			return 0, nil, err
		}
	}
	err = loop.Run(func() bool { return open == 0 })
	return answered, took, err
}

// Post is an HTTP request.
func Post(host, path string, body []byte) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, host, len(body), body)
}

var (
	headEnd       = []byte("\r\n\r\n")
	chunksEnd     = []byte("0\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
)

// HTTPAnswered is the Answered of an Asker that speaks HTTP: each answer must be 200.
func HTTPAnswered(answer []byte) (bool, error) {
	head := bytes.Index(answer, headEnd)
	if head < 0 {
		return false, nil
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
		return false, fmt.Errorf("the answer is not 200: %.300q", answer)
	}
	i := bytes.Index(answer[:head], contentLength)
	if i < 0 {
		return bytes.HasSuffix(answer, chunksEnd), nil
	}
	text := answer[i+len(contentLength) : head]
	if end := bytes.IndexByte(text, '\r'); end >= 0 {
		text = text[:end]
	}
	length, err := strconv.Atoi(string(text))
	return len(answer) == head+len(headEnd)+length, err
}
