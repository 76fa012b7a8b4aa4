//go:build !js

package opfs

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// Files behave as plain arrays of bytes do, whatever is pending and whatever was read ahead; and at every moment the disk
// has what they were at some moment before: a killed worker loses the end of its writes, and nothing in between.
func TestFilesRandom(t *testing.T) {
	for range 50 {
		seed := rand.Uint64()
		if err := newComparison(t, seed).run(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// comparison is two files with one buffer, and what they should be.
type comparison struct {
	r     *rand.Rand
	disk  *faultfiles.Disk
	files [2]*file
	plain [2][]byte
	last  [2]int64        // where the last call of each has ended
	past  map[uint64]bool // the hashes of what both have been
}

func newComparison(t *testing.T, seed uint64) *comparison {
	c := &comparison{r: rand.New(rand.NewPCG(seed, 0)), disk: faultfiles.New(), past: map[uint64]bool{hashBoth(nil, nil): true}}
	buffer := new(writeBuffer)
	for i := range c.files {
		c.files[i] = openTestFile(t, c.disk, fmt.Sprint(i), buffer)
	}
	return c
}

func (c *comparison) run() error {
	for step := range 150 {
		if err := c.step(); err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
	}
	for i, f := range c.files {
		if err := f.leave(); err != nil || !bytes.Equal(c.disk.Synced(fmt.Sprint(i)), c.plain[i]) {
			return fmt.Errorf("after the end: the synced file is another, or %v", err)
		}
	}
	return nil
}

func (c *comparison) step() error {
	i := c.r.IntN(2)
	f, plain := c.files[i], &c.plain[i]
	at, size := int64(c.r.IntN(2*maxReadAheadBytes)), 1+c.r.IntN(5000)
	if c.r.IntN(3) > 0 {
		at = c.last[i] // going on, as SQLite mostly does
	}
	c.last[i] = at + int64(size)
	switch op := c.r.IntN(12); {
	case op < 5:
		p := randomBytes(c.r, size)
		if n, err := f.WriteAt(p, at); n != size || err != nil {
			return fmt.Errorf("write: %d, %v", n, err)
		}
		*plain = resized(*plain, max(len(*plain), int(at)+size))
		copy((*plain)[at:], p)
	case op < 9:
		if err := compareRead(f, *plain, at, size); err != nil {
			return err
		}
	case op == 9:
		if err := f.Truncate(at); err != nil {
			return err
		}
		*plain = resized(*plain, int(at))
	default:
		if err := f.Sync(); err != nil || !bytes.Equal(c.disk.Synced(fmt.Sprint(i)), *plain) {
			return fmt.Errorf("the synced file is another, or %v", err)
		}
	}
	if f.size() != int64(len(*plain)) {
		return fmt.Errorf("size %d, not %d", f.size(), len(*plain))
	}
	return c.checkOrder()
}

// checkOrder finds what is on the disk among what the files have been.
func (c *comparison) checkOrder() error {
	c.past[hashBoth(c.plain[0], c.plain[1])] = true
	if !c.past[hashBoth(c.disk.Bytes("0"), c.disk.Bytes("1"))] {
		return errors.New("the disk has what the files have never been")
	}
	return nil
}

var hashSeed = maphash.MakeSeed()

func hashBoth(a, b []byte) uint64 {
	return maphash.Comparable(hashSeed, [2]uint64{maphash.Bytes(hashSeed, a), maphash.Bytes(hashSeed, b)})
}
