package conn

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/millpond-dev/millpond"
)

// Conn is a connection, or the attempt to make one. Its methods may be called from any goroutine and never wait for the
// network.
type Conn struct {
	deliver func(Event)
	out     outbox
	done    chan struct{}

	cancelDial context.CancelFunc
	cancel     context.CancelFunc // ends it without ceremony

	closeOnce sync.Once
	closing   chan struct{}
	code      int // set before closing is closed
	reason    string
}

// socket is a websocket of the platform. read is called from one goroutine, write and close from another.
type socket interface {
	// read waits for a message; its error is a *closeError when the other side has closed.
	read(ctx context.Context) (binary bool, data []byte, err error)
	write(ctx context.Context, text []byte) error
	// close tells the other side, and waits for its answer as far as the platform can.
	close(code int, reason string)
}

// Dial begins to connect to a websocket URL and returns at once. deliver is called from one goroutine, one event at a
// time; while it does not return, nothing more is read.
func Dial(url string, deliver func(Event)) *Conn {
	return begin(deliver, func(ctx context.Context) (socket, error) { return dial(ctx, url) })
}

func begin(deliver func(Event), dial func(context.Context) (socket, error)) *Conn {
	ctx, cancel := context.WithCancel(context.Background())
	dialCtx, cancelDial := context.WithCancel(ctx)
	c := &Conn{
		deliver:    deliver,
		out:        outbox{ready: make(chan struct{}, 1)},
		done:       make(chan struct{}),
		closing:    make(chan struct{}),
		cancel:     cancel,
		cancelDial: cancelDial,
	}
	go c.run(ctx, dialCtx, dial)
	return c
}

// Send queues a message. It may be called before Opened is delivered. When too much waits the connection is closed.
func (c *Conn) Send(m millpond.Message) {
	if !c.out.put(millpond.MarshalMessage(m)) {
		c.cancel()
	}
}

// Close closes the connection or gives the dial up. It does not wait: see Wait. Only the first call counts.
func (c *Conn) Close(code int, reason string) {
	c.closeOnce.Do(func() {
		c.code, c.reason = code, strings.ToValidUTF8(reason[:min(len(reason), maxReasonBytes)], "")
		c.cancelDial()
		close(c.closing)
	})
}

// Wait waits until Closed has been delivered and nothing of the connection runs.
func (c *Conn) Wait() { <-c.done }

func (c *Conn) run(ctx, dialCtx context.Context, dial func(context.Context) (socket, error)) {
	defer close(c.done)
	defer c.cancel()
	s, err := dial(dialCtx)
	if err != nil {
		c.deliver(closed(err))
		return
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(ctx, s)
	}()
	c.deliver(Opened{})
	err = c.read(ctx, s)
	c.Close(millpond.InvalidRequest.CloseCode(), err.Error()) // no matter when the other side has closed already
	<-written
	c.deliver(closed(err))
}

func (c *Conn) read(ctx context.Context, s socket) error {
	for {
		binary, data, err := s.read(ctx)
		if err != nil {
			return err
		}
		e, err := decode(binary, data)
		if err != nil {
			return err
		}
		c.deliver(e)
	}
}

// write sends what Send has queued until the connection is over, and closes it.
func (c *Conn) write(ctx context.Context, s socket) {
	for {
		select {
		case <-c.closing:
			defer time.AfterFunc(closeTimeout, c.cancel).Stop()
			s.close(c.code, c.reason)
			c.cancel()
			return
		case <-c.out.ready:
		}
		for _, text := range c.out.take() {
			if err := s.write(ctx, text); err != nil {
				c.cancel() // the reader reports
				break
			}
		}
	}
}

func closed(err error) Closed {
	var remote *closeError
	if errors.As(err, &remote) {
		return Closed{remote.code, err}
	}
	return Closed{0, err}
}
