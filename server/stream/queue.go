package stream

import (
	"context"
	"sync"

	"github.com/millpond-dev/millpond"
)

// request asks the committer for something. Its maker waits for done and then reads the results.
type request struct {
	ctx      context.Context // of the caller: a request that nobody waits for any more is not begun
	kind     requestKind
	in       *instance
	name     millpond.Name
	inputs   []millpond.Input
	as       *Outbound   // the outbound subscription that it comes from; nil: none
	keep     []byte      // its checkpoint; nil: as it was
	presence *presence   // makes the inputs when it is planned; nil: it has them
	above    []*instance // of the streams above, from the root on, for a stream that wakes
	bytes    int

	done   chan struct{}
	events []millpond.Event // for each input; those that were there before have their offset only
	err    error
}

type requestKind uint8

const (
	requestAppend requestKind = iota // without inputs: only wake the stream
	requestReset
	requestKill
	requestEvict // of no stream: drops those that are idle
)

func newRequest(ctx context.Context, kind requestKind, name millpond.Name, in *instance, inputs []millpond.Input) *request {
	r := &request{ctx: ctx, kind: kind, name: name, in: in, inputs: inputs, done: make(chan struct{})}
	for i := range inputs {
		in := &inputs[i]
		r.bytes += inputOverheadBytes + len(in.Type) + len(in.IdempotencyKey) + len(in.Payload) + len(in.Metadata)
	}
	return r
}

// finish answers the request.
func (r *request) finish(err error) {
	r.err = err
	close(r.done)
}

// queue is what waits for the committer, in order. It is bounded: put waits for room.
type queue struct {
	mu       sync.Mutex
	requests []*request
	bytes    int
	closed   bool
	room     chan struct{} // closed when some were taken; nil: nobody waits for that
	ready    chan struct{} // holds a token when there may be something to take
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

// put adds a request, or fails with errClosed or the context's error.
func (q *queue) put(r *request) error {
	for {
		room, err := q.tryPut(r)
		if err != nil {
			return err
		}
		if room == nil {
			q.signal()
			return nil
		}
		select {
		case <-room:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
}

// tryPut adds the request, or returns what to wait for.
func (q *queue) tryPut(r *request) (room <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return nil, errClosed
	case len(q.requests) >= maxQueuedRequests || q.bytes >= maxQueuedBytes:
		if q.room == nil {
			q.room = make(chan struct{})
		}
		return q.room, nil
	}
	q.requests = append(q.requests, r)
	q.bytes += r.bytes
	return nil, nil
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// poll is take, but does not wait: it may return none.
func (q *queue) poll(batch []*request) (_ []*request, ok bool) {
	batch, room, closed := q.tryTake(batch)
	if room != nil {
		close(room)
	}
	return batch, len(batch) > 0 || !closed
}

// take waits for requests and moves as many into batch as one transaction may have. It is not ok when the queue is
// closed and empty.
func (q *queue) take(batch []*request) (_ []*request, ok bool) {
	for {
		batch, room, closed := q.tryTake(batch)
		if room != nil {
			close(room)
		}
		if len(batch) > 0 || closed {
			return batch, len(batch) > 0
		}
		<-q.ready
	}
}

func (q *queue) tryTake(batch []*request) (_ []*request, room chan struct{}, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, events, bytes := 0, 0, 0
	for n < len(q.requests) && events < maxCommitEvents && bytes < maxCommitBytes {
		events += max(1, len(q.requests[n].inputs))
		bytes += q.requests[n].bytes
		n++
	}
	batch = append(batch, q.requests[:n]...)
	rest := copy(q.requests, q.requests[n:])
	clear(q.requests[rest:])
	q.requests = q.requests[:rest]
	q.bytes -= bytes
	if n > 0 {
		room, q.room = q.room, nil
	}
	return batch, room, q.closed
}

// close makes put fail. What is queued can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	room := q.room
	q.room = nil
	q.mu.Unlock()
	if room != nil {
		close(room)
	}
	q.signal()
}
