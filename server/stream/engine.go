package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Engine holds the streams of one store. All of it may be used concurrently. No other engine may write to the store.
type Engine struct {
	store     store.Store
	log       *slog.Logger
	committer *committer
	stopped   chan struct{} // closed when the committer has finished
	closing   chan struct{} // closed when Close begins
	sweeping  chan struct{} // closed when no idle streams are looked for any more
	start     time.Time
	presence  millpond.Presence

	maxEventBytes int
	counters      counters

	stopSweeping sync.Once

	mu        sync.Mutex
	instances map[millpond.Name]*instance
	closed    bool
}

// Open starts an engine. Close it.
func Open(opts Options) (*Engine, error) {
	opts = opts.withDefaults()
	if opts.Store == nil {
		return nil, errors.New("open stream engine: Options.Store is missing")
	}
	if opts.MaxEventBytes < 1 || opts.MaxEventBytes > millpond.MaxEventBytes {
		return nil, fmt.Errorf("open stream engine: Options.MaxEventBytes is %d, it must be 1 to %d", opts.MaxEventBytes, millpond.MaxEventBytes)
	}
	e := &Engine{
		store:    opts.Store,
		log:      opts.Logger,
		stopped:  make(chan struct{}),
		closing:  make(chan struct{}),
		sweeping: make(chan struct{}),
		start:    time.Now(),
		presence: opts.Presence,

		maxEventBytes: opts.MaxEventBytes,
		instances:     make(map[millpond.Name]*instance),
	}
	e.committer = newCommitter(e, opts)
	go func() {
		defer close(e.stopped)
		e.committer.run()
	}()
	go func() {
		defer close(e.sweeping)
		e.sweepIdle(opts.IdleTimeout)
	}()
	return e, nil
}

// Close stops taking appends, commits those that are queued, and then ends all subscriptions with
// [millpond.Unavailable]. When ctx ends first, the committer goes on with what it has.
func (e *Engine) Close(ctx context.Context) error {
	e.stopSweeping.Do(func() { close(e.closing) })
	<-e.sweeping
	e.committer.queue.close()
	select {
	case <-e.stopped:
	case <-ctx.Done():
		return ctx.Err()
	}
	e.mu.Lock()
	e.closed = true
	instances := e.instances
	e.instances = nil
	e.mu.Unlock()
	for _, in := range instances {
		in.end(errClosed)
	}
	return nil
}

// instance is the stream's running instance, loaded, but perhaps not awake, and not created when the name is new.
func (e *Engine) instance(ctx context.Context, name millpond.Name) (*instance, error) {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil, errClosed
	}
	in := e.instances[name]
	first := in == nil
	if first {
		in = newInstance(name)
		e.instances[name] = in
	}
	e.touch(in)
	e.mu.Unlock()

	if first {
		// Others wait for this load, so it does not end with ctx.
		in.head, in.loadErr = e.load(context.WithoutCancel(ctx), name)
		if in.loadErr != nil {
			e.drop(name, in)
		}
		close(in.loaded)
	}
	select {
	case <-in.loaded:
		return in, in.loadErr
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// running is the stream's instance in memory, if it is there and created.
func (e *Engine) running(name millpond.Name) *instance {
	e.mu.Lock()
	in := e.instances[name]
	e.mu.Unlock()
	if in == nil {
		return nil
	}
	e.touch(in)
	select {
	case <-in.loaded:
	default:
		return nil
	}
	if in.loadErr != nil || in.now().stream.Incarnation == "" {
		return nil
	}
	return in
}

// drop forgets an instance, unless another one has taken its place.
func (e *Engine) drop(name millpond.Name, in *instance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.instances[name] == in {
		delete(e.instances, name)
	}
}

// replace puts an instance in the place of the name's present one.
func (e *Engine) replace(name millpond.Name, in *instance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.instances[name] = in
}

// all is a list of the instances.
func (e *Engine) all() []*instance {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]*instance, 0, len(e.instances))
	for _, in := range e.instances {
		list = append(list, in)
	}
	return list
}
