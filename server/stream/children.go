package stream

import (
	"context"
	"strings"

	"github.com/millpond-dev/millpond"
)

// A stream's creation is told to all streams above it, in the transaction that creates it: so each is told once, whatever
// fails. A stream above that is not there is created, and told in its turn. A stream that wakes, and that one above it does
// not know of, tells it again: that one was reset, or is of a time when this was not told.

// above is the instances of the streams above one, from the root on.
func (e *Engine) above(ctx context.Context, name millpond.Name) ([]*instance, error) {
	paths := millpond.Ancestors(name.Path)
	list := make([]*instance, len(paths))
	for i, path := range paths {
		var err error
		if list[i], err = e.instance(ctx, millpond.Name{Namespace: name.Namespace, Path: path}); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// announceAll plans what the streams that wake in the transaction tell those above them.
func (p *planning) announceAll() {
	asked := p.works[:len(p.works):len(p.works)] // others are added, and some removed
	for _, w := range asked {
		if !w.in.awake && anyDead(w.requests[0].above) { // a reset or kill came in between
			for _, r := range w.requests {
				r.finish(errGone)
			}
			p.remove(w)
		}
	}
	for _, w := range asked {
		if !w.in.awake && w.draft != nil {
			p.announce(w, w.requests[0].above)
		}
	}
}

func anyDead(list []*instance) bool {
	for _, in := range list {
		if in.dead != nil {
			return true
		}
	}
	return false
}

// remove takes a work out of the transaction.
func (p *planning) remove(w *work) {
	w.draft, w.requests = nil, nil
	for i := range p.works {
		if p.works[i] == w {
			p.works = append(p.works[:i:i], p.works[i+1:]...)
			return
		}
	}
}

// announce plans what one stream that wakes tells those above it, which wake for that, the uppermost first.
func (p *planning) announce(w *work, above []*instance) {
	paths := millpond.Ancestors(w.name.Path)
	for i, in := range above {
		if !knows(p.headOf(in), paths[i], w) {
			p.awaken(above[:i+1], paths[:i+1], w.name.Namespace)
		}
	}
	for i, in := range above {
		if !knows(p.headOf(in), paths[i], w) {
			p.change(p.byInstance[in], func(d *draft) { d.tell(w.name.Path) })
		}
	}
}

// knows reports whether the stream above needs not be told: a new stream is told to all, another one only to those that
// do not know of the way to it.
func knows(above *head, path string, w *work) bool {
	child := w.name.Path
	if path == "/" {
		path = ""
	}
	next, _, deeper := strings.Cut(child[len(path)+1:], "/")
	if w.draft.created() && deeper {
		return false
	}
	return above.state.ChildPaths.Has(path + "/" + next)
}

// awaken plans the waking of the last of the instances, and, as that may create it, of those above.
func (p *planning) awaken(above []*instance, paths []string, namespace string) {
	last := len(above) - 1
	in := above[last]
	w := p.workOf(in, millpond.Name{Namespace: namespace, Path: paths[last]})
	if in.awake || len(w.draft.records) > 0 {
		return
	}
	p.change(w, func(d *draft) { d.wake(w.name) })
	p.announce(w, above[:last])
}

// tell plans the event that tells of a child.
func (d *draft) tell(child string) {
	d.add(millpond.Event{Type: millpond.TypeChildStreamCreated, Payload: payload(millpond.ChildStreamCreatedPayload{ChildPath: child})})
}

// adopt tells a new incarnation of the children of the one before.
func (d *draft) adopt(children millpond.PathSet) {
	n := 0
	for child := range children.All() {
		if n++; n > maxAdopted {
			return
		}
		d.tell(child)
	}
}

// headOf is a stream's head after what is planned so far.
func (p *planning) headOf(in *instance) *head {
	if w := p.byInstance[in]; w != nil && w.draft != nil {
		return &w.draft.head
	}
	return &in.head
}

// workOf is a stream's part of the transaction.
func (p *planning) workOf(in *instance, name millpond.Name) *work {
	if w := p.byInstance[in]; w != nil && w.draft != nil {
		return w
	}
	w := &work{in: in, name: name, draft: newDraft(in.head, p.now, nil, nil)}
	p.byInstance[in] = w
	p.works = append(p.works, w)
	return w
}

// change adds to a draft. All drafts of a transaction share the arena, at whose end they write.
func (p *planning) change(w *work, fn func(*draft)) {
	w.draft.arena = p.arena
	fn(w.draft)
	p.arena = w.draft.arena
}
