package server

import (
	"context"
	"log/slog"
	"sync"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// connected is a client that stays: a websocket, or a response that follows a stream.
type connected interface {
	leave() // tells the client that the server goes away, and ends what it has; takes leaveTimeout at most
	cut()   // ends it at once
	counts() (transport string, _ *transfer)
}

// clients are those that are connected.
type clients struct {
	running sync.WaitGroup // one for each that has entered

	max, maxGreeting int // of entered, greeting

	mu       sync.Mutex
	entered  int                    // +checklocks:mu
	greeting int                    // +checklocks:mu // websockets that have not said who they are
	all      map[connected]struct{} // +checklocks:mu
	draining bool                   // +checklocks:mu
	gone     map[string]traffic     // +checklocks:mu // of those that have parted, by transport
}

func (cs *clients) init(limits access.Limits) {
	cs.max, cs.maxGreeting = limits.TotalConnections, limits.Greetings
	cs.all = map[connected]struct{}{}
	cs.gone = map[string]traffic{}
}

func (cs *clients) isDraining() bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.draining
}

// enter makes room for one more. Who enters must exit.
func (cs *clients) enter() error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.draining {
		return errShuttingDown
	}
	if cs.entered >= cs.max {
		return &millpond.Error{Code: millpond.Unavailable, Message: "the server has as many connections as it can hold: try again later"}
	}
	cs.entered++
	cs.running.Add(1)
	return nil
}

// enterWebsocket is enter for one that is to be greeted. Who enters must call greeted, too: that may be called again.
func (cs *clients) enterWebsocket() (greeted func(), err error) {
	cs.mu.Lock()
	full := cs.greeting >= cs.maxGreeting
	if !full {
		cs.greeting++
	}
	cs.mu.Unlock()
	if full {
		return nil, &millpond.Error{Code: millpond.Unavailable, Message: "many connections come at once: try again in a moment"}
	}
	greeted = sync.OnceFunc(func() {
		cs.mu.Lock()
		defer cs.mu.Unlock()
		cs.greeting--
	})
	if err := cs.enter(); err != nil {
		greeted()
		return nil, err
	}
	return greeted, nil
}

func (cs *clients) exit() {
	cs.mu.Lock()
	cs.entered--
	cs.mu.Unlock()
	cs.running.Done()
}

// join makes a client known to drain: false when that has begun.
func (cs *clients) join(c connected) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !cs.draining {
		cs.all[c] = struct{}{}
	}
	return !cs.draining
}

func (cs *clients) part(c connected) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if _, ok := cs.all[c]; !ok {
		return
	}
	delete(cs.all, c)
	transport, counts := c.counts()
	t := cs.gone[transport]
	t.add(counts)
	cs.gone[transport] = t
}

// drain sends all clients away and waits until they are gone. When ctx ends first they are cut off.
func (cs *clients) drain(ctx context.Context, log *slog.Logger) {
	cs.mu.Lock()
	cs.draining = true
	leaving := make([]connected, 0, len(cs.all))
	for c := range cs.all {
		leaving = append(leaving, c)
	}
	cs.mu.Unlock()

	log.Info("draining", "connections", len(leaving))
	stop := context.AfterFunc(ctx, func() {
		for _, c := range leaving {
			c.cut()
		}
	})
	defer stop()
	var goodbyes sync.WaitGroup
	for _, c := range leaving {
		goodbyes.Go(c.leave)
	}
	goodbyes.Wait()
	cs.running.Wait()
}
