package stream

import (
	"errors"
	"sync/atomic"
)

// Counters are what an engine has counted since it was opened.
type Counters struct {
	// Rebuilds are the states that were made again from the log, by why: the snapshot was missing, of another version, or
	// corrupt (which includes that of another log).
	RebuildsMissing, RebuildsVersion, RebuildsCorrupt uint64
	// Evictions are the streams that were dropped from memory because nobody used them.
	Evictions uint64
}

// Counters returns what was counted so far.
func (e *Engine) Counters() Counters {
	return Counters{
		RebuildsMissing: e.counters.missing.Load(),
		RebuildsVersion: e.counters.version.Load(),
		RebuildsCorrupt: e.counters.corrupt.Load(),
		Evictions:       e.counters.evictions.Load(),
	}
}

type counters struct{ missing, version, corrupt, evictions atomic.Uint64 }

// rebuilt counts a state that was made again, because of an error of readSnapshot.
func (c *counters) rebuilt(why error) {
	switch {
	case errors.Is(why, errNoSnapshot):
		c.missing.Add(1)
	case errors.Is(why, errSnapshotVersion):
		c.version.Add(1)
	default:
		c.corrupt.Add(1)
	}
}
