package bridge

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
	"github.com/millpond-dev/millpond/mirror/query"
)

// Mirror is what the bridge needs of a *mirror.Mirror.
type Mirror interface {
	Stream(name millpond.Name) (Stream, error)
	Query(ctx context.Context, sql string, params ...any) (*query.Result, error)
	QueryOptimistic(ctx context.Context, sql string, params ...any) (*query.Result, error)
	Live(sql string, params []any, fn func(*query.Result, error)) (stop func())
	LiveOptimistic(sql string, params []any, fn func(*query.Result, error)) (stop func())
	Status() mirror.Status
	WatchStatus(fn func(mirror.Status)) (stop func())
	Reconnect()
	RetryProjection(ctx context.Context, name string) error
}

// Stream is what the bridge needs of a *mirror.Stream.
type Stream interface {
	Append(ctx context.Context, inputs ...millpond.Input) (Appended, error)
	Close()
}

// Appended is what the bridge needs of a *mirror.Appended.
type Appended interface {
	Wait(ctx context.Context) ([]millpond.Event, error)
}

// Options say where answers go. Both functions must return at once; they may be called from any goroutine.
type Options struct {
	// Answer takes the text of an answer to a client; to all of them when client is empty.
	Answer func(client, text string)
	// Fatal is called when a goroutine of the bridge has panicked: the program cannot be trusted any longer.
	Fatal func(message string)
}

// Bridge serves clients. Request and Leave may be called from anywhere and return at once.
type Bridge struct {
	mirror  Mirror
	options Options
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	wake    chan struct{} // holds one token when queue has work

	mu    sync.Mutex
	queue []func() // bounded by what tabs leave pending: see maxPendingCalls of the client

	clients map[string]*client // of the goroutine run
}

// New makes a bridge and starts to serve.
func New(m Mirror, options Options) *Bridge {
	b := &Bridge{mirror: m, options: options, wake: make(chan struct{}, 1), clients: make(map[string]*client)}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.start(b.run)
	return b
}

// Close ends everything of all clients, and waits for it. The mirror stays open.
func (b *Bridge) Close() {
	b.cancel()
	b.wg.Wait()
}

// Request takes the text of a request. Requests of one client are begun in the order they come.
func (b *Bridge) Request(clientID, text string) {
	b.enqueue(func() { b.serve(clientID, []byte(text)) })
}

// Leave ends all that the client has open.
func (b *Bridge) Leave(clientID string) {
	b.enqueue(func() {
		if c := b.clients[clientID]; c != nil {
			delete(b.clients, clientID)
			c.leave()
		}
	})
}

func (b *Bridge) enqueue(work func()) {
	b.mu.Lock()
	b.queue = append(b.queue, work)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default: // it is awake
	}
}

func (b *Bridge) run() {
	stop := b.mirror.WatchStatus(func(s mirror.Status) { b.options.Answer("", statusText(&s)) })
	defer stop()
	defer func() {
		for _, c := range b.clients {
			c.leave()
		}
	}()
	for {
		select {
		case <-b.wake:
		case <-b.ctx.Done():
			return
		}
		b.mu.Lock()
		queue := b.queue
		b.queue = nil
		b.mu.Unlock()
		for _, work := range queue {
			work()
		}
	}
}

// start runs fn in a goroutine of the bridge. A panic is reported, never a silent end.
func (b *Bridge) start(fn func()) {
	b.wg.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				b.options.Fatal(fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
			}
		}()
		fn()
	})
}
