//go:build sim

package sim

import (
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"
)

// trace is what has happened in a world, in short lines: all of it as a hash, the last lines as text.
type trace struct {
	start time.Time
	keep  int

	mu    sync.Mutex
	lines []string
	sum   uint64
	count int
}

func newTrace(keep int) *trace { return &trace{start: time.Now(), keep: keep, sum: 1} }

func (t *trace) add(format string, args ...any) {
	line := fmt.Sprintf("%12.6f  %s", time.Since(t.start).Seconds(), fmt.Sprintf(format, args...))
	h := fnv.New64a()
	fmt.Fprintf(h, "%x %s", t.sum, line)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum = h.Sum64()
	t.count++
	if t.keep > 0 && len(t.lines) >= 2*t.keep {
		t.lines = append(t.lines[:0], t.lines[t.keep:]...)
	}
	t.lines = append(t.lines, line)
}

// last is the last lines, one below the other.
func (t *trace) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := t.lines
	if t.keep > 0 && len(lines) > t.keep {
		lines = lines[len(lines)-t.keep:]
	}
	return strings.Join(lines, "\n")
}
