package stream

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// instance is a stream in memory: one run of one incarnation. A reset or kill ends it, and another one takes its
// place; so whoever holds an instance never sees another incarnation through it.
//
// The committer alone changes head, awake and tail, holding mu, as a part of a commit. It may read them without.
type instance struct {
	name    millpond.Name
	loaded  chan struct{} // closed when head is loaded, or loadErr says why not
	loadErr error

	touched atomic.Int64 // when it was last asked for: since the engine's start
	pins    atomic.Int32 // requests that are under way

	mu            sync.Mutex
	head          head
	awake         bool // stream/woken is committed
	tail          tail
	dead          error         // why the instance has ended; nil: it runs
	changed       chan struct{} // closed at the next commit; nil: nobody waits
	subscriptions map[subscriptionKey]*Subscription
	anonymous     uint64 // subscriptions without a key so far
}

// head is the end of a stream's log. A zero incarnation: there is no such stream yet.
type head struct {
	stream store.Stream
	offset uint64
	hash   millpond.Hash
	at     time.Time // of the last event
	state  millpond.State
	saved  saved

	// recorded are the subscribers that the log says are there.
	recorded millpond.SortedMap[*Subscription]
}

func newInstance(name millpond.Name) *instance {
	return &instance{name: name, loaded: make(chan struct{}), subscriptions: make(map[subscriptionKey]*Subscription)}
}

// now is the present head.
func (in *instance) now() head {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.head
}

func (in *instance) isAwake() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.awake
}

// publish shows a commit to the readers. It returns the channel to close for those who wait, and by how many bytes
// the tail has grown.
func (in *instance) publish(d *draft) (changed chan struct{}, grown int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	before := in.tail.bytes
	for i := range d.records {
		in.tail.append(d.first+uint64(i), &d.records[i])
	}
	in.head, in.awake = d.head, true
	if len(d.records) == 0 {
		return nil, 0
	}
	if planted == "forget to wake" && d.head.offset%7 == 0 {
		return nil, in.tail.bytes - before
	}
	changed, in.changed = in.changed, nil
	return changed, in.tail.bytes - before
}

// end ends the instance and its subscriptions. It returns the bytes of the tail that it lets go.
func (in *instance) end(why error) (freed int) {
	in.mu.Lock()
	ended := in.subscriptions
	in.subscriptions = nil
	in.dead = why
	freed = in.tail.bytes
	in.tail = tail{}
	in.mu.Unlock()
	for _, s := range ended {
		s.end(why)
	}
	return freed
}
