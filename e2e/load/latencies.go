//go:build linux

package load

import "time"

const (
	latencyStep = 20 * time.Microsecond
	maxLatency  = 4 * time.Second
)

// Latencies is a histogram. The zero value is ready for use.
type Latencies struct {
	counts []uint32
	n      int
}

// Add counts one.
func (l *Latencies) Add(d time.Duration) {
	if l.counts == nil {
		l.counts = make([]uint32, maxLatency/latencyStep)
	}
	l.counts[min(max(int(d/latencyStep), 0), len(l.counts)-1)]++
	l.n++
}

// Percentile is the latency that p of all do not exceed; p is 0 to 1.
func (l *Latencies) Percentile(p float64) time.Duration {
	rest := int(p * float64(l.n))
	for i, n := range l.counts {
		if rest -= int(n); rest < 0 {
			return time.Duration(i+1) * latencyStep
		}
	}
	return maxLatency
}
