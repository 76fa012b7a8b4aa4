package stream

import (
	"sort"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// tail holds the most recent records of a stream, framed as batches hold them, so that all subscribers share the same
// bytes. What was written is never moved or changed: slices of it stay valid after it has been dropped here.
type tail struct {
	chunks []*chunk // offsets rise, without gaps
	bytes  int      // capacity of all chunks
}

// chunk holds consecutive records. Its slices are appended to within their capacity, or move when they are no data.
type chunk struct {
	first  uint64 // offset of the first record
	data   []byte // framed records
	ends   []int  // end in data of each
	hashes []millpond.Hash
}

// part is a run of consecutive records.
type part struct {
	records []byte // framed
	count   int
	last    uint64        // offset of the last one
	hash    millpond.Hash // of the log at last
}

// append adds the record at the offset, which follows the last one. A large one is not kept, nor what is before it.
func (t *tail) append(offset uint64, r *store.Record) {
	if len(r.Data) > millpond.MaxPartBytes {
		*t = tail{}
		return
	}
	size := millpond.FramedRecordBytes(len(r.Data))
	c := t.room(offset, size)
	c.data = millpond.AppendFramedRecord(c.data, r.Data)
	c.ends = append(c.ends, len(c.data))
	c.hashes = append(c.hashes, r.Hash)
}

// room is the chunk to put size bytes into.
func (t *tail) room(offset uint64, size int) *chunk {
	capacity := minChunkBytes
	if n := len(t.chunks); n > 0 {
		c := t.chunks[n-1]
		if len(c.data)+size <= cap(c.data) && len(c.ends) < maxChunkRecords {
			return c
		}
		capacity = min(2*cap(c.data), maxChunkBytes)
	}
	c := &chunk{first: offset, data: make([]byte, 0, max(capacity, size))}
	t.chunks = append(t.chunks, c)
	t.bytes += cap(c.data)
	t.trim(maxTailBytes)
	return c
}

// trim drops the oldest chunks until there are at most limit bytes, or one chunk.
func (t *tail) trim(limit int) {
	drop := 0
	for t.bytes > limit && drop < len(t.chunks)-1 {
		t.bytes -= cap(t.chunks[drop].data)
		drop++
	}
	if drop > 0 {
		t.chunks = append(t.chunks[:0:0], t.chunks[drop:]...)
	}
}

// at is the chunk with the offset, and its place in there.
func (t *tail) at(offset uint64) (c *chunk, i int, ok bool) {
	for n := len(t.chunks) - 1; n >= 0; n-- {
		if c := t.chunks[n]; offset >= c.first {
			i := offset - c.first
			return c, int(i), i < uint64(len(c.ends))
		}
	}
	return nil, 0, false
}

// after is the run of records after the offset, of one chunk, of at most limit records and maxBytes, but one at least.
// It is not ok when the tail does not reach back so far.
func (t *tail) after(offset uint64, limit, maxBytes int) (p part, ok bool) {
	c, i, ok := t.at(offset + 1)
	if !ok {
		return part{}, false
	}
	start := c.start(i)
	fit := sort.SearchInts(c.ends[i:], start+maxBytes+1) // how many end within maxBytes
	n := min(max(fit, 1), limit)
	end := c.ends[i+n-1]
	return part{
		records: c.data[start:end:end],
		count:   n,
		last:    offset + uint64(n),
		hash:    c.hashes[i+n-1],
	}, true
}

// hash is the log's hash at the offset.
func (t *tail) hash(offset uint64) (millpond.Hash, bool) {
	c, i, ok := t.at(offset)
	if !ok {
		return 0, false
	}
	return c.hashes[i], true
}

func (c *chunk) start(i int) int {
	if i == 0 {
		return 0
	}
	return c.ends[i-1]
}
