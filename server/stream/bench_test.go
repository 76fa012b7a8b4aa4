package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// payload300 makes an event of about 300 bytes.
var payload300 = json.RawMessage(`{"text":"` + strings.Repeat("x", 260) + `"}`)

// BenchmarkAppend is durable appends of one 300-byte event each, by concurrent writers.
func BenchmarkAppend(b *testing.B) {
	for _, streams := range []int{1, 1000} {
		for _, writers := range []int{1, 64, 1000} {
			for _, keyed := range []bool{false, true} {
				if keyed && (writers != 64 || streams != 1) {
					continue
				}
				b.Run(fmt.Sprintf("streams=%d/writers=%d/keyed=%v", streams, writers, keyed), func(b *testing.B) {
					benchmarkAppend(b, streams, writers, keyed)
				})
			}
		}
	}
}

func benchmarkAppend(b *testing.B, streams, writers int, keyed bool) {
	h := newHarness(b)
	names := make([]millpond.Name, streams)
	for i := range names {
		names[i] = name(fmt.Sprint("/", i))
		h.append(names[i], input("x"))
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range writers {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i > b.N {
					return
				}
				in := millpond.Input{Type: "bench/event", Payload: payload300}
				if keyed {
					in.IdempotencyKey = fmt.Sprint("key-", i)
				}
				h.append(names[i%streams], in)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkAppendBatch is one writer that imports: batches of 500 events.
func BenchmarkAppendBatch(b *testing.B) {
	h := newHarness(b)
	batch := make([]millpond.Input, 500)
	for i := range batch {
		batch[i] = millpond.Input{Type: "bench/event", Payload: payload300}
	}
	b.ReportAllocs()
	for b.Loop() {
		h.append(name("/a"), batch...)
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkFanOut is one writer and many subscribers that follow: deliveries of events.
func BenchmarkFanOut(b *testing.B) {
	for _, subscribers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			h := newHarness(b)
			h.opts.Now = time.Now
			n := name("/a")
			h.append(n, input("x"))
			total := uint64(3 + 10*b.N)
			var wg sync.WaitGroup
			for range subscribers {
				s := h.subscribe(n, SubscribeOptions{})
				wg.Go(func() {
					defer s.Close()
					for cursor := uint64(3); cursor < total; {
						batch, err := s.Next(context.Background(), 256<<10)
						if err != nil {
							b.Error(err)
							return
						}
						cursor = batch.LastOffset
					}
				})
			}
			batch := make([]millpond.Input, 10)
			for i := range batch {
				batch[i] = millpond.Input{Type: "bench/event", Payload: payload300}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				h.append(n, batch...)
			}
			wg.Wait()
			b.ReportMetric(float64(b.N*10*subscribers)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// BenchmarkReplay reads a stream of 100,000 events from the store.
func BenchmarkReplay(b *testing.B) {
	for _, filtered := range []bool{false, true} {
		b.Run(fmt.Sprintf("filtered=%v", filtered), func(b *testing.B) {
			h := newHarness(b)
			n := name("/a")
			batch := make([]millpond.Input, 1000)
			for i := range batch {
				batch[i] = millpond.Input{Type: "bench/event", Payload: payload300}
			}
			for range 100 {
				h.append(n, batch...)
			}
			h.restart()
			opts := SubscribeOptions{After: from(0)}
			if filtered {
				opts.Types = []string{"never"}
			}
			for b.Loop() {
				s := h.subscribe(n, opts)
				for cursor := uint64(0); cursor < 100_003; {
					batch, err := s.Next(context.Background(), 256<<10)
					if err != nil {
						b.Fatal(err)
					}
					cursor = batch.LastOffset
				}
				s.Close()
			}
			b.ReportMetric(float64(b.N)*100_003/b.Elapsed().Seconds(), "events/s")
		})
	}
}
