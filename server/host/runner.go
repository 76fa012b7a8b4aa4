package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/stream"
)

// runner runs a processor for one configuration of a subscription, in one goroutine, until it is stopped or has given up.
type runner struct {
	host         *Host
	log          *slog.Logger
	name         millpond.Name
	as           stream.Outbound
	subscription millpond.OutboundSubscription
	processor    millpond.Definition
	contract     millpond.Contract

	ctx        context.Context // ends when it shall begin nothing more
	stop       context.CancelFunc
	work       context.Context // of the processor's calls and their effects; ends stopGrace after ctx
	cancelWork context.CancelFunc
	resumed    chan struct{}  // holds a token when the stream takes appends
	background chan struct{}  // holds a token for each work in the background
	behind     sync.WaitGroup // of the work in the background
	done       chan struct{}  // closed when all of it has returned

	mu     sync.Mutex
	status Status
}

// run starts a runner. When its processor is not registered it only says so.
func (h *Host) run(name millpond.Name, as stream.Outbound, s millpond.OutboundSubscription) *runner {
	r := &runner{
		host:         h,
		name:         name,
		as:           as,
		subscription: s,
		resumed:      make(chan struct{}, 1),
		background:   make(chan struct{}, maxWork),
		done:         make(chan struct{}),
		status:       Status{Processor: millpond.ProcessorID{Slug: s.Processor}, Phase: Starting},
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.work, r.cancelWork = context.WithCancel(context.Background())
	r.log = h.log.With("stream", name, "subscription", as.Key, "processor", s.Processor)
	d, ok := h.processors[s.Processor]
	if !ok {
		r.status.Phase = Unregistered
		r.cancelWork()
		close(r.done)
		r.log.Warn("the processor of a subscription is not registered: it does not run")
		return r
	}
	r.processor, r.contract = d, d.Contract()
	r.status.Processor.Version = r.contract.Version
	go r.run()
	return r
}

func (r *runner) String() string { return fmt.Sprintf("%s on %s", r.as.Key, r.name) }

// run works until it is stopped or has given up, and then tells the host.
func (r *runner) run() {
	defer func() {
		r.behind.Wait()
		r.cancelWork()
		close(r.done)
		r.host.Changed(r.name)
	}()
	context.AfterFunc(r.ctx, func() {
		r.update(func(s *Status) { s.Phase = Stopping })
		time.AfterFunc(stopGrace, r.cancelWork)
	})
	r.generations()
}

// generations runs one generation after the other. Each begins with the durable checkpoint: what an older one had read or
// folded is gone with it.
func (r *runner) generations() {
	failures, attempts := 0, 0
	var at uint64 // offset of the processor's last failure
	for {
		began := r.begin()
		err := r.generation()
		if r.ctx.Err() != nil {
			return
		}
		if failures++; r.now().Offset > began {
			failures = 1
		}
		var own *failure
		if errors.As(err, &own) {
			if attempts++; own.offset != at {
				attempts, at = 1, own.offset
			}
		}
		r.failed(err, attempts)
		if own != nil && attempts >= maxAttempts {
			r.giveUp(own, attempts)
			return
		}
		if !r.wait(backoff(failures), err) {
			return
		}
	}
}

// begin begins a generation. It returns the offset that the one before came to.
func (r *runner) begin() (offset uint64) {
	r.update(func(s *Status) {
		s.Phase = Starting
		s.Generation++
		offset = s.Offset
	})
	return offset
}

// failed reports a failure.
func (r *runner) failed(err error, attempts int) {
	now := time.Now().UTC()
	r.update(func(s *Status) {
		s.Phase, s.Failures = BackingOff, attempts
		s.LastError, s.FailedAt = public(err), &now
	})
	args := []any{"error", err, "attempts", attempts}
	var p *panicked
	if errors.As(err, &p) {
		args = append(args, "stack", string(p.stack))
	}
	var own *failure
	if errors.As(err, &own) {
		r.log.Error("processor failed", args...)
	} else {
		r.log.Warn("processor is held up", args...)
	}
}

// wait waits before the next attempt. It is false when the runner is stopped.
func (r *runner) wait(d time.Duration, why error) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	var resumed chan struct{}
	if errors.Is(why, millpond.StreamPaused) {
		resumed = r.resumed
	}
	select {
	case <-timer.C:
	case <-resumed:
	case <-r.ctx.Done():
		return false
	}
	return true
}

// resume lets a processor go on that waits for its paused stream.
func (r *runner) resume(paused bool) {
	if paused {
		select {
		case <-r.resumed:
		default:
		}
		return
	}
	select {
	case r.resumed <- struct{}{}:
	default:
	}
}

// giveUp says in the stream that the processor has failed for good, once for each version of it.
func (r *runner) giveUp(f *failure, attempts int) {
	payload, err := json.Marshal(millpond.ErrorOccurredPayload{
		Message:      fmt.Sprintf("processor %s has failed %d times and is stopped: %s", r.contract.Slug, attempts, public(f)),
		Subscription: r.as.Key,
		Processor:    r.id(),
		Offset:       f.offset,
		Attempts:     attempts,
	})
	if err != nil {
		panic(err) // a struct of texts and numbers
	}
	input := millpond.Input{
		Type:           millpond.TypeErrorOccurred,
		Payload:        payload,
		Source:         &millpond.Source{Processor: *r.id()},
		IdempotencyKey: fmt.Sprintf("stream/failed/%s/%d.%s/%s", r.contract.Slug, f.offset, r.contract.Version, r.as.Key),
	}
	for failures := 1; ; failures++ {
		_, err := r.host.streams.AppendAs(r.work, r.name, r.as, []millpond.Input{input})
		if err == nil {
			break
		}
		r.log.Error("the stream cannot be told that a processor has failed", "error", err)
		if !r.wait(backoff(failures), err) {
			return
		}
	}
	r.update(func(s *Status) { s.Phase = Failed })
	r.log.Error("processor is stopped: configure its subscription again to let it run", "attempts", attempts)
}

func (r *runner) id() *millpond.ProcessorID {
	return &millpond.ProcessorID{Slug: r.contract.Slug, Version: r.contract.Version}
}

// ended reports whether nothing of it runs any more.
func (r *runner) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// now is the status.
func (r *runner) now() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.Background = len(r.background)
	return s
}

func (r *runner) update(change func(*Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.status)
}
