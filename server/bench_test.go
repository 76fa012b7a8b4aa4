package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkAppendHTTP measures durable appends, one 300-byte event a request, over 64 connections. Client and server
// share the machine: the client is bare, so that it is the server that is measured.
func BenchmarkAppendHTTP(b *testing.B) {
	const connections = 64
	for _, streams := range []int{1, connections} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) {
			ts := start(b, Options{})
			var clients []*bareClient
			for i := range connections {
				c := newBareClient(b, ts.Listener.Addr().String(), fmt.Sprintf("/api/streams/default/bench/%d", i%streams))
				c.append(b) // creates the stream
				clients = append(clients, c)
			}
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			begin := time.Now()
			for _, c := range clients {
				wg.Go(func() {
					for next.Add(1) <= int64(b.N) {
						c.append(b)
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "events/s")
		})
	}
}

// bareClient sends the same request over and over.
type bareClient struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

func newBareClient(b *testing.B, addr, path string) *bareClient {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	event := `{"type":"measured","payload":{"text":"` + strings.Repeat("x", 262) + `"}}`
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, addr, len(event), event)
	return &bareClient{conn, bufio.NewReader(conn), request}
}

func (c *bareClient) append(b *testing.B) {
	if _, err := c.conn.Write(c.request); err != nil {
		b.Error(err)
		return
	}
	in := textproto.NewReader(c.in)
	status, err := in.ReadLine()
	if err != nil || !strings.Contains(status, " 200 ") {
		b.Errorf("%q, %v", status, err)
		return
	}
	size := 0
	for {
		line, err := in.ReadLineBytes()
		if err != nil {
			b.Error(err)
			return
		}
		if len(line) == 0 {
			break
		}
		if name, value, _ := strings.Cut(string(line), ": "); name == "Content-Length" {
			size, _ = strconv.Atoi(value)
		}
	}
	if _, err := io.CopyN(io.Discard, c.in, int64(size)); err != nil {
		b.Error(err)
	}
}
