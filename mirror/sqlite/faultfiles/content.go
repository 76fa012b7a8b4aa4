package faultfiles

import (
	"math/rand/v2"
	"slices"
)

// sectorBytes is what a disk writes as a whole.
const sectorBytes = 512

// content is what a file has: now, and for certain after a power cut.
type content struct {
	data   []byte
	synced []byte
	since  []change // from synced to data
	open   bool
}

// change is a write, or a truncation when there is no data.
type change struct {
	at   int64 // or the new size
	data []byte
}

func (c *content) write(p []byte, at int64) {
	if len(p) > 0 {
		c.change(change{at, slices.Clone(p)})
	}
}

func (c *content) truncate(size int64) { c.change(change{at: size}) }

func (c *content) change(ch change) {
	c.data = ch.apply(c.data)
	c.since = append(c.since, ch)
}

// apply changes what it is given, and returns it.
func (ch change) apply(data []byte) []byte {
	if ch.data == nil {
		return resized(data, ch.at)
	}
	data = resized(data, max(int64(len(data)), ch.at+int64(len(ch.data))))
	copy(data[ch.at:], ch.data)
	return data
}

// resized makes data shorter, or longer by zeros.
func resized(data []byte, size int64) []byte {
	old := int64(len(data))
	if size > int64(cap(data)) {
		data = slices.Grow(data, int(max(size-old, old))) // twice as long at least: logs grow by small writes
	}
	data = data[:size]
	if size > old {
		clear(data[old:])
	}
	return data
}

func (c *content) sync() {
	for _, ch := range c.since {
		c.synced = ch.apply(c.synced)
	}
	c.since = nil
}

// cut leaves what a power cut may leave.
func (c *content) cut(r *rand.Rand) {
	if r != nil {
		for _, ch := range c.since {
			c.synced = ch.applySome(c.synced, r)
		}
	}
	c.data, c.since = slices.Clone(c.synced), nil
}

// applySome applies all of a change, nothing, or a write up to a sector or by some of its sectors.
func (ch change) applySome(data []byte, r *rand.Rand) []byte {
	const all, none, first, some = 0, 1, 2, 3
	kind := r.IntN(4)
	switch {
	case kind == all || ch.data == nil && kind == first:
		return ch.apply(data)
	case kind == none || ch.data == nil:
		return data
	}
	end := int64(r.IntN(len(ch.data) + 1)) // of what is written first
	left := grown(data, ch.at+int64(len(ch.data)), r)
	for at := int64(0); at < int64(len(ch.data)); {
		next := min(at+sectorBytes-(ch.at+at)%sectorBytes, int64(len(ch.data)))
		if kind == first && next <= end || kind == some && r.IntN(2) == 0 {
			copy(left[ch.at+at:], ch.data[at:next])
		}
		at = next
	}
	return left
}

// grown makes data so long at least: by zeros, or by what was on the disk before.
func grown(data []byte, size int64, r *rand.Rand) []byte {
	old := len(data)
	data = resized(data, max(size, int64(old)))
	if r.IntN(2) == 0 {
		for i := old; i < len(data); i++ {
			data[i] = byte(r.Uint32())
		}
	}
	return data
}
