package server

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// S8: a thousand subscribers that do not read while 10,000 events come cost bounded memory: they hold the same bytes, not each
// its own copy. Who reads gets all at once; who reads again gets all, too.
func TestStalledSubscribers(t *testing.T) {
	const subscribers, batches, batchEvents, maxGrowth = 1000, 100, 100, 16 << 20
	inBubble(t, 4<<10, func(t *testing.T, s *Server, n *fakeNet) {
		payload := fmt.Sprintf("%q", strings.Repeat("x", 300))
		payloads := make([]string, batchEvents)
		for i := range payloads {
			payloads[i] = payload
		}
		for range 10 { // the tail gets as large as it may be
			s.appendSome(t, stream1, payloads...)
		}
		const first, last = 2 + 7*batchEvents, 2 + 10*batchEvents
		var peers []*peer
		for range 1 + subscribers {
			p := connectFake(t, n)
			p.hello()
			peers = append(peers, p)
		}
		reader, stalled := peers[0], peers[1:]
		before, begin := heap(), time.Now()
		for _, p := range peers { // each has a large frame to get at once
			p.send(&millpond.Subscribe{ID: 1, Stream: stream1, After: from(first), Credit: 64 << 20})
			receive[*millpond.Resume](p)
		}
		reader.readTo(first, last)
		for i := range uint64(batches) {
			s.appendSome(t, stream1, payloads...)
			reader.readTo(last+i*batchEvents, last+(i+1)*batchEvents)
		}
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("those that do not read have cost the others %v", waited)
		}
		grown := heap() - before
		t.Logf("%d bytes for %d subscribers", grown, subscribers)
		if grown > maxGrowth {
			t.Errorf("%d bytes are held for %d subscribers that do not read, at most %d are allowed", grown, subscribers, maxGrowth)
		}
		time.Sleep(sendTimeout - sendTimeout/4)
		for _, p := range stalled[:10] {
			p.readTo(first, last+batches*batchEvents)
		}
		for _, p := range peers {
			p.ws.CloseNow()
		}
	})
}

// heap is how many bytes of the heap are in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// readTo reads the batches after an offset up to another one, and answers pings.
func (p *peer) readTo(after, to uint64) {
	p.t.Helper()
	for after < to {
		switch m := p.next().(type) {
		case *millpond.Ping:
			p.send(&millpond.Pong{Nonce: m.Nonce})
		case *millpond.Batch:
			for rest := m.Records; len(rest) > 0; {
				var record []byte
				var err error
				if record, rest, err = millpond.NextRecord(rest); err != nil || millpond.RecordOffset(record) != after+1 {
					p.t.Fatalf("after offset %d comes %d (%v)", after, millpond.RecordOffset(record), err)
				}
				after++
			}
			if after != m.LastOffset {
				p.t.Fatalf("a batch up to offset %d ends at %d", m.LastOffset, after)
			}
		default:
			p.t.Fatalf("after offset %d: %+v", after, m)
		}
	}
}
