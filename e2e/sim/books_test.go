//go:build sim

package sim

import "github.com/millpond-dev/millpond"

// books are kept of what a client may still be sent on a link. Neither side may owe more memory than was agreed.
type books struct {
	closed  bool             // a frame was doubled: the two sides count differently
	granted map[uint32]int64 // as the server has heard
	sent    map[uint32]int64 // by the server
	open    map[uint32]int64 // granted by the mirror, and not come
}

func (b *books) init() {
	b.granted, b.sent, b.open = map[uint32]int64{}, map[uint32]int64{}, map[uint32]int64{}
}

func (b *books) close() { b.closed = true }

// audit looks at a frame that is written.
func (n *network) audit(w *way, f *frame) {
	if m, ok := f.message.(*millpond.ErrorMessage); ok && m.Request != 0 {
		n.refused(w.link.mirror, m.Request)
	}
	b := &w.link.books
	if b.closed {
		return
	}
	id, grant := granted(f)
	switch {
	case grant > 0:
		if b.open[id] += grant; b.open[id] > n.credit {
			n.fail("%s: subscription %d may be sent %d bytes, over the limit of %d", w.link.name, id, b.open[id], n.credit)
		}
	case f.kind == batchFrame && w == w.link.down:
		id := f.source()
		if b.granted[id] <= b.sent[id] {
			n.fail("%s: the server sends on subscription %d without credit", w.link.name, id)
		}
		b.sent[id] += int64(len(f.payload))
	}
}

// audited looks at a frame that has come.
func (n *network) audited(w *way, f *frame) {
	b := &w.link.books
	if id, grant := granted(f); grant > 0 {
		b.granted[id] += grant
	}
	if f.kind == batchFrame {
		b.open[f.source()] -= int64(len(f.payload))
	}
}

func granted(f *frame) (id uint32, bytes int64) {
	switch m := f.message.(type) {
	case *millpond.Subscribe:
		return m.ID, m.Credit
	case *millpond.Credit:
		return m.ID, m.Bytes
	}
	return 0, 0
}
