package host

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/millpond-dev/millpond"
)

// Host runs processors. All of it may be used concurrently. Make it with [New].
type Host struct {
	processors map[string]millpond.Definition // by slug
	log        *slog.Logger

	streams    Streams // from Start on
	ctx        context.Context
	cancel     context.CancelFunc
	reconciled chan struct{} // closed when nothing is reconciled any more; nil before Start
	wake       chan struct{} // holds a token when there may be something to look at

	mu     sync.Mutex
	dirty  map[millpond.Name]struct{}           // +checklocks:mu // streams to look at
	hosted map[millpond.Name]map[string]*runner // +checklocks:mu // by key
}

// New makes a host of the processors, or says what is wrong with one of them. It runs nothing before Start.
func New(processors []millpond.Definition, log *slog.Logger) (*Host, error) {
	h := &Host{
		processors: make(map[string]millpond.Definition, len(processors)),
		log:        log,
		wake:       make(chan struct{}, 1),
		dirty:      make(map[millpond.Name]struct{}),
		hosted:     make(map[millpond.Name]map[string]*runner),
	}
	for _, d := range processors {
		if err := d.Validate(); err != nil {
			return nil, err
		}
		slug := d.Contract().Slug
		if h.Registered(slug) {
			return nil, fmt.Errorf("processor %s: there are two with this slug", slug)
		}
		h.processors[slug] = d
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h, nil
}

// Registered reports whether the host has the processor.
func (h *Host) Registered(slug string) bool { _, ok := h.processors[slug]; return ok }

// Start runs the processors of all streams that have outbound subscriptions, and of those that it is told of by Changed. Close
// the host.
func (h *Host) Start(streams Streams) {
	h.streams = streams
	h.reconciled = make(chan struct{})
	go func() {
		defer close(h.reconciled)
		h.list()
		h.reconcileAll()
	}()
}

// Close stops all processors. What they are doing may go on for stopGrace; then its context ends. When ctx ends first, the
// error names the processors that have not returned: they do no more harm to the streams, but their goroutines stay.
func (h *Host) Close(ctx context.Context) error {
	h.cancel()
	if h.reconciled == nil {
		return nil
	}
	<-h.reconciled
	var busy []string
	for _, r := range h.all() {
		r.stop()
	}
	for _, r := range h.all() {
		select {
		case <-r.done:
		case <-ctx.Done():
			r.cancelWork()
			busy = append(busy, r.String())
		}
	}
	if len(busy) > 0 {
		return fmt.Errorf("processors that have not returned: %s: %w", strings.Join(busy, ", "), ctx.Err())
	}
	return nil
}

// all is a list of what is hosted.
func (h *Host) all() (list []*runner) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, byKey := range h.hosted {
		for _, r := range byKey {
			list = append(list, r)
		}
	}
	return list
}

// Phases counts what is hosted, by what it is doing.
func (h *Host) Phases() map[Phase]int {
	phases := make(map[Phase]int)
	for _, phase := range AllPhases() {
		phases[phase] = 0
	}
	for _, r := range h.all() {
		phases[r.now().Phase]++
	}
	return phases
}

// Status describes what is hosted on the stream, by the subscriptions' keys. maxOffset is the stream's.
func (h *Host) Status(name millpond.Name, maxOffset uint64) map[string]Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[string]Status, len(h.hosted[name]))
	for key, r := range h.hosted[name] {
		s := r.now()
		s.Lag = maxOffset - min(maxOffset, s.Offset)
		all[key] = s
	}
	return all
}

// Changed tells the host that the stream's state may have changed. It waits for nothing.
func (h *Host) Changed(name millpond.Name) {
	h.mu.Lock()
	h.dirty[name] = struct{}{}
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// later is Changed, after the time.
func (h *Host) later(name millpond.Name, d time.Duration) {
	time.AfterFunc(d, func() { h.Changed(name) })
}
