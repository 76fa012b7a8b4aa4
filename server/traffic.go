package server

import "sync/atomic"

// The transports of connected clients.
const (
	overWebsocket = "websocket"
	overSSE       = "sse"
)

// transfer counts the bytes of one client. It is the client's own, so that many of them do not contend for one counter.
type transfer struct{ received, sent atomic.Int64 }

// traffic is that of all clients of one transport, also of those that are gone.
type traffic struct {
	connected      int
	received, sent int64
}

func (t *traffic) add(c *transfer) {
	t.received += c.received.Load()
	t.sent += c.sent.Load()
}

// traffic is that of all clients, by transport.
func (cs *clients) traffic() map[string]traffic {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	all := map[string]traffic{overWebsocket: cs.gone[overWebsocket], overSSE: cs.gone[overSSE]}
	for c := range cs.all {
		transport, counts := c.counts()
		t := all[transport]
		t.connected++
		t.add(counts)
		all[transport] = t
	}
	return all
}
