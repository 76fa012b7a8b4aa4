package stream

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// The tail against a plain list of records: any run, whatever the sizes, and its bounds.
func TestTail(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var tl tail
	var all []store.Record
	var hash millpond.Hash
	const first = 1000
	var kept [][2][]byte // parts that were handed out, and what they held
	for i := range 5000 {
		size := 1 + rnd.IntN(300)
		if rnd.IntN(300) == 0 {
			size = rnd.IntN(2 * maxChunkBytes)
		}
		data := make([]byte, size)
		for j := range data {
			data[j] = byte(rnd.Uint32())
		}
		hash = hash.Next(data)
		r := store.Record{Data: data, Hash: hash}
		all = append(all, r)
		tl.append(first+uint64(i), &r)
		if n := len(tl.chunks); tl.bytes > maxTailBytes && n > 1 {
			t.Fatalf("%d bytes in %d chunks", tl.bytes, n)
		}
		held := 0
		for _, c := range tl.chunks {
			held += cap(c.data)
		}
		if tl.bytes != held {
			t.Fatalf("the tail counts %d bytes, its chunks have %d", tl.bytes, held)
		}
		after := uint64(first - 2 + rnd.IntN(i+3))
		limit, maxBytes := 1+rnd.IntN(20), rnd.IntN(3000)
		p, ok := tl.after(after, limit, maxBytes)
		reaches := len(tl.chunks) > 0 && after+1 >= tl.chunks[0].first && after+1 <= first+uint64(i)
		if ok != reaches {
			t.Fatalf("after %d: ok is %v; the tail begins at %d", after, ok, tl.chunks[0].first)
		}
		if !ok {
			continue
		}
		var want []byte
		for _, r := range all[after+1-first : after+1-first+uint64(p.count)] {
			want = millpond.AppendFramedRecord(want, r.Data)
		}
		if !bytes.Equal(p.records, want) || p.last != after+uint64(p.count) || p.hash != all[p.last-first].Hash {
			t.Fatalf("after %d: got %d records up to %d", after, p.count, p.last)
		}
		if p.count < 1 || p.count > limit || p.count > 1 && len(p.records) > maxBytes {
			t.Fatalf("%d records, %d bytes for at most %d, %d", p.count, len(p.records), limit, maxBytes)
		}
		if c, _, _ := tl.at(after + 1); p.count < limit && p.last+1 < c.first+uint64(len(c.ends)) {
			if next := millpond.FramedRecordBytes(len(all[p.last+1-first].Data)); len(p.records)+next <= maxBytes {
				t.Fatalf("%d bytes, and one of %d would still fit in %d", len(p.records), next, maxBytes)
			}
		}
		if got, ok := tl.hash(p.last); !ok || got != p.hash {
			t.Fatalf("hash at %d: %s, want %s", p.last, got, p.hash)
		}
		if rnd.IntN(50) == 0 {
			kept = append(kept, [2][]byte{p.records, want})
		}
	}
	for _, k := range kept {
		if !bytes.Equal(k[0], k[1]) {
			t.Fatal("a part that was handed out has changed")
		}
	}
}

// All tails together are bounded.
func TestTailsAreBounded(t *testing.T) {
	h := newHarness(t)
	h.stop()
	h.opts.TailBytes = 64 << 10
	h.start()
	for i := range 40 {
		n := name("/" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
		h.append(n, inputs(100)...)
	}
	h.append(name("/last"), input("x"))
	total := 0
	for _, in := range h.all() {
		in.mu.Lock()
		total += in.tail.bytes
		in.mu.Unlock()
	}
	if total == 0 || total > h.opts.TailBytes+maxTailBytes {
		t.Errorf("%d bytes in all tails", total)
	}
	if err := h.Engine.Close(t.Context()); err != nil { // then the committer is at rest
		t.Fatal(err)
	}
	if h.committer.tailBytes != total {
		t.Errorf("the committer counts %d bytes, there are %d", h.committer.tailBytes, total)
	}
}

// The filter's view of a record is the decoder's.
func TestRecordType(t *testing.T) {
	e := millpond.Event{Offset: 300, Type: "a/b", IdempotencyKey: "k", Payload: []byte("1")}
	if got := millpond.RecordType(millpond.AppendRecord(nil, &e)); string(got) != e.Type {
		t.Errorf("got %q", got)
	}
	if got := millpond.RecordType([]byte{1, 2, 3}); got != nil {
		t.Errorf("of a corrupt record: %q", got)
	}
}
