package host

import (
	"errors"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/stream"
)

// list marks all streams with subscriptions as changed. It tries until it has them.
func (h *Host) list() {
	var after millpond.Name
	for failures := 0; h.ctx.Err() == nil; {
		names, err := h.streams.Subscribed(h.ctx, after, listNames)
		if err != nil {
			failures++
			h.log.Error("streams with processors cannot be listed", "error", err)
			h.wait(backoff(failures))
			continue
		}
		for _, name := range names {
			h.Changed(name)
		}
		if len(names) < listNames {
			return
		}
		after = names[len(names)-1]
	}
}

// wait waits for a time, or the end.
func (h *Host) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.ctx.Done():
	}
}

// reconcileAll looks at the streams that have changed, one after the other, until the host is closed.
func (h *Host) reconcileAll() {
	failures := make(map[millpond.Name]int) // in a row
	for {
		name, ok := h.next()
		if !ok {
			return
		}
		if err := h.reconcile(name); err != nil {
			if h.ctx.Err() != nil {
				return
			}
			failures[name]++
			h.log.Error("processors of a stream cannot be looked after", "stream", name, "error", err)
			h.later(name, backoff(failures[name]))
			continue
		}
		delete(failures, name)
	}
}

// next waits for a stream that has changed.
func (h *Host) next() (name millpond.Name, ok bool) {
	for h.ctx.Err() == nil {
		h.mu.Lock()
		for name = range h.dirty {
			ok = true
			delete(h.dirty, name)
			break
		}
		h.mu.Unlock()
		if ok {
			return name, true
		}
		select {
		case <-h.wake:
		case <-h.ctx.Done():
		}
	}
	return name, false
}

// reconcile makes what runs for the stream match the subscriptions of its state. What must not run any more is told to stop,
// and only when it has stopped, which marks the stream as changed again, does another one with its key start.
func (h *Host) reconcile(name millpond.Name) error {
	state, err := h.streams.State(h.ctx, name)
	if err != nil && !errors.Is(err, millpond.NotFound) {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	hosted := h.hosted[name]
	for key, r := range hosted {
		switch wanted, ok := state.Subscriptions[key]; {
		case ok && r.as == identity(&state, key, wanted):
			r.resume(state.Paused)
		case r.ended():
			delete(hosted, key)
		default:
			r.stop()
		}
	}
	for key, wanted := range state.Subscriptions {
		if hosted[key] != nil {
			continue
		}
		if hosted == nil {
			hosted = make(map[string]*runner)
			h.hosted[name] = hosted
		}
		hosted[key] = h.run(name, identity(&state, key, wanted), wanted)
	}
	if len(hosted) == 0 {
		delete(h.hosted, name)
	}
	return nil
}

func identity(state *millpond.State, key string, s millpond.OutboundSubscription) stream.Outbound {
	return stream.Outbound{Incarnation: state.CreatedAt, Key: key, ConfiguredAt: s.ConfiguredAt}
}
