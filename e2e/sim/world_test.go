//go:build sim

package sim

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millpond-dev/millpond"
)

// world is a server, mirrors and all between them, out of one seed.
type world struct {
	seed   uint64
	rand   *rand.Rand
	clock  *clock
	trace  *trace
	chaos  *chaos
	net    *network
	ledger *ledger
	site   *site
	names  []millpond.Name
	types  []string

	devices []*device
	ending  []chan struct{} // closed when what was ended is gone
	others  int             // appends of others so far

	mu      sync.Mutex
	failure string
}

func newWorld(seed uint64, keep int) *world {
	w := &world{
		seed:  seed,
		rand:  rand.New(rand.NewPCG(seed, 0)),
		clock: newClock(),
		trace: newTrace(keep),
		types: []string{"sim/a", "sim/b", "sim/c"},
	}
	w.names = []millpond.Name{{Namespace: "default", Path: "/pond"}, {Namespace: "default", Path: "/pond/north"}}[:1+w.rand.IntN(2)]
	w.chaos = newChaos(w.rand)
	w.ledger = newLedger(w.fail)
	w.net = newNetwork(w.clock, w.trace, seed, w.chaos)
	w.site = newSite(w)
	w.net.credit, w.net.fail = w.site.credit, w.fail
	w.net.came = func(mirror string) { w.device(mirror).dirty = true }
	w.net.doubled = func(mirror string) { w.device(mirror).blamed = true }
	w.net.refused = func(mirror string, id uint64) { w.device(mirror).refused(id) }
	for i := range 1 + w.rand.IntN(3) {
		w.devices = append(w.devices, newDevice(w, i))
	}
	return w
}

func (w *world) device(name string) *device {
	return w.devices[name[0]-'A']
}

// fail notes the first thing that is wrong: the world ends with it.
func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure == "" {
		w.failure = fmt.Sprintf(format, args...)
		w.trace.add("FAILED: %s", w.failure)
	}
}

func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure != ""
}

// verdict is how a world has ended.
type verdict struct {
	failure string // empty: nothing was wrong
	trace   string // its last lines
	sum     uint64 // of all of it
	lines   int
	events  int           // that were committed
	lasted  time.Duration // on its own clock
}

// runWorld runs the world of a seed.
func runWorld(t *testing.T, seed uint64, keep int) (v verdict) {
	synctest.Test(t, func(*testing.T) {
		w := newWorld(seed, keep)
		w.run()
		w.tearDown()
		v = verdict{w.failure, w.trace.last(), w.trace.sum, w.trace.count, w.ledger.events, time.Since(w.trace.start)}
	})
	return v
}

func (w *world) run() {
	w.site.up()
	for _, d := range w.devices {
		d.open()
		synctest.Wait()
	}
	for range 60 + w.rand.IntN(120) {
		w.pass(time.Duration(w.rand.ExpFloat64() * float64(time.Second)))
		if w.failed() {
			return
		}
		w.act()
		w.check(true)
	}
	w.settle()
}

// pass lets time pass, and checks after each thing that happens meanwhile.
func (w *world) pass(d time.Duration) {
	for until := time.Now().Add(d); !w.failed() && w.clock.next(until); {
		w.check(false)
	}
}

// check looks at the mirrors to which something has come, or at all.
func (w *world) check(all bool) {
	synctest.Wait()
	for _, d := range w.devices {
		if (all || d.dirty) && !w.failed() {
			d.check()
		}
	}
}

// tearDown ends all that runs.
func (w *world) tearDown() {
	close(w.net.closed)
	w.site.kill()
	for _, d := range w.devices {
		d.close()
	}
	for _, l := range w.net.open() {
		l.cut()
	}
	for _, ended := range w.ending {
		<-ended
	}
	time.Sleep(time.Minute) // package http lets a dial go on that nobody waits for any more
}
