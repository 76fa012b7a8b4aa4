//go:build sim

package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// ledger is all that was ever durable at the server: a tree, because a server that was restored from a backup goes on from an
// older event. It is written where the store commits, so what is not in it was not durable when somebody saw it.
type ledger struct {
	fail func(format string, args ...any)

	mu      sync.Mutex
	retried map[string]bool // appends that their user has sent again, later than their turn
	nodes   map[place]*node
	heads   map[millpond.Name]*node
	byKey   map[string][]*node // by the key of an append, in all branches
	events  int
}

// place identifies a log up to an offset.
type place struct {
	name        millpond.Name
	incarnation millpond.Incarnation
	hash        millpond.Hash
}

// node is an event, and by its parents all of the log before it.
type node struct {
	place
	event  millpond.Event
	parent *node
	note   note
}

// note is what the world's own events carry.
type note struct {
	ID  string `json:"id"`  // of the append
	By  string `json:"by"`  // mirror, or "" for those of others
	Seq int    `json:"seq"` // of the append, among the mirror's to the stream
	N   int    `json:"n"`   // index in the append
}

func newLedger(fail func(string, ...any)) *ledger {
	return &ledger{fail: fail, retried: map[string]bool{}, nodes: map[place]*node{}, heads: map[millpond.Name]*node{}, byKey: map[string][]*node{}}
}

// commit writes down what the store has committed, and checks what must hold of any log.
func (l *ledger) commit(batches []store.Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range batches {
		b := &batches[i]
		name := b.Stream.Name
		parent := l.heads[name]
		if b.After == 0 {
			parent = nil
		} else if parent == nil || parent.event.Offset != b.After || parent.incarnation != b.Stream.Incarnation {
			l.fail("%s: a commit after %d of %s does not continue the log", name.Path, b.After, b.Stream.Incarnation)
			return
		}
		for j := range b.Records {
			n := &node{parent: parent}
			n.name, n.incarnation, n.hash = name, b.Stream.Incarnation, b.Records[j].Hash
			record := append([]byte(nil), b.Records[j].Data...)
			if err := millpond.DecodeRecord(record, &n.event); err != nil {
				l.fail("%s: a record that cannot be read was committed: %v", name.Path, err)
				return
			}
			if strings.HasPrefix(n.event.Type, "sim/") {
				if err := json.Unmarshal(n.event.Payload, &n.note); err != nil {
					l.fail("%s: %v", name.Path, err)
				}
				l.check(n)
				l.byKey[n.event.IdempotencyKey] = append(l.byKey[n.event.IdempotencyKey], n)
			}
			l.nodes[n.place] = n
			l.events++
			parent = n
		}
		l.heads[name] = parent
	}
}

// check looks whether an event may stand where it does: once in its log, whole with its append, and in the order in which its
// mirror has appended.
func (l *ledger) check(n *node) {
	if n.note.N > 0 && (n.parent == nil || n.parent.note.ID != n.note.ID || n.parent.note.N != n.note.N-1) {
		l.fail("%s: event %d of append %s stands alone at offset %d", n.name.Path, n.note.N, n.note.ID, n.event.Offset)
	}
	for p := n.parent; p != nil; p = p.parent {
		if p.note.ID == "" || p.note.ID == n.note.ID && p.note.N != n.note.N {
			continue
		}
		if p.note.ID == n.note.ID {
			l.fail("%s: append %s is in the log twice, at %d and %d", n.name.Path, n.note.ID, p.event.Offset, n.event.Offset)
			return
		}
		if n.note.By != "" && p.note.By == n.note.By && p.note.Seq > n.note.Seq && !l.retried[n.note.ID] && len(l.byKey[n.event.IdempotencyKey]) == 0 {
			l.fail("%s: append %s stands behind append %s, which was made later", n.name.Path, n.note.ID, p.note.ID)
			return
		}
	}
}

// retry says that an append is sent again, out of its turn.
func (l *ledger) retry(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retried[id] = true
}

// find is the log up to a position; nil when there has never been such a one.
func (l *ledger) find(name millpond.Name, at millpond.Position) *node {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.nodes[place{name, at.Incarnation, at.Hash}]
	if n == nil || n.event.Offset != at.Offset {
		return nil
	}
	return n
}

func (l *ledger) head(name millpond.Name) *node {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heads[name]
}

// committed is where an idempotency key was ever committed.
func (l *ledger) committed(key string) []*node {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byKey[key]
}

func (l *ledger) saved() map[millpond.Name]*node {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.heads)
}

func (l *ledger) restore(heads map[millpond.Name]*node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heads = maps.Clone(heads)
}

func (n *node) String() string {
	if n == nil {
		return "nothing"
	}
	return fmt.Sprintf("offset %d of %s", n.event.Offset, n.incarnation)
}
