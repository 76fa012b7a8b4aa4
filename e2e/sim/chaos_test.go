//go:build sim

package sim

import (
	"bytes"
	"math/rand/v2"
	"time"

	"github.com/millpond-dev/millpond"
)

// chaos is what goes wrong in a world: each has some kinds of faults, some often and some not at all, because faults that are
// always there hide those that need a quiet hour.
type chaos struct {
	over bool // nothing goes wrong any more

	drop, double, corrupt, halve, silence float64         // of the frames
	slow                                  float64         // of the frames, by up to 30 s
	commit                                float64         // of the commits fail
	shaky                                 float64         // of the events, in a projection
	kinds                                 map[string]bool // of what is done on purpose: see acts
}

// fate is what becomes of a frame.
type fate uint8

const (
	fine fate = iota
	dropped
	doubled
	corrupted
	halved
	silenced
)

const maxLag = 30 * time.Second

func newChaos(r *rand.Rand) *chaos {
	c := &chaos{kinds: map[string]bool{}}
	for _, rate := range []*float64{&c.drop, &c.double, &c.corrupt, &c.halve, &c.silence, &c.slow, &c.commit, &c.shaky} {
		if r.IntN(3) == 0 {
			*rate = []float64{0.003, 0.01, 0.03}[r.IntN(3)]
		}
	}
	for _, kind := range faultKinds {
		c.kinds[kind] = r.IntN(2) == 0
	}
	return c
}

// fate of a frame, by the chance of its link.
func (c *chaos) fate(r *rand.Rand, f *frame) fate {
	p := r.Float64()
	if c.over {
		return fine
	}
	for _, each := range []struct {
		rate float64
		fate fate
	}{{c.drop, dropped}, {c.double, doubled}, {c.corrupt, corrupted}, {c.halve, halved}, {c.silence / 3, silenced}} {
		if p < each.rate {
			return each.fate.of(f)
		}
		p -= each.rate
	}
	return fine
}

// of is what becomes of the frame, as far as a network may do it to a websocket. Only records have a hash that tells when they
// are changed, and appends are in order because the frames of a connection are.
func (a fate) of(f *frame) fate {
	_, isAppend := f.message.(*millpond.Append)
	if a == corrupted && len(recordsOf(f)) == 0 || a == dropped && isAppend {
		return fine
	}
	return a
}

func (c *chaos) lag(r *rand.Rand) time.Duration {
	p, lag := r.Float64(), time.Duration(r.Int64N(int64(maxLag)))
	if c.over || p >= c.slow {
		return 0
	}
	return lag
}

// recordsOf is the bytes of a frame that hold records.
func recordsOf(f *frame) []byte {
	switch {
	case f.batch != nil:
		return f.batch.Records
	case f.part != nil:
		return f.part.Bytes
	}
	return nil
}

// corruptedCopy is the bytes of a frame with one of those of its records changed.
func corruptedCopy(r *rand.Rand, f *frame) []byte {
	b := bytes.Clone(f.bytes)
	b[len(b)-1-r.IntN(len(recordsOf(f)))] ^= byte(1 + r.IntN(255))
	return b
}
