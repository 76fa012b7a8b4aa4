package bridge

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/query"
)

// client is what one tab has open. It is the bridge's goroutine's.
type client struct {
	bridge  *Bridge
	id      string
	ctx     context.Context // ends when the client leaves
	cancel  context.CancelFunc
	streams map[millpond.Name]*openStream
	lives   map[uint64]func()
	queries map[uint64]context.CancelFunc // those that run, by the id of their request
}

// openStream is a stream that a client has open. Appends to it are kept one after another, in the order they came; then each
// waits for the server.
type openStream struct {
	Stream
	last    chan struct{}  // closed when the last append so far has been kept
	waiting sync.WaitGroup // appends without an answer
}

func (b *Bridge) client(id string) *client {
	c := b.clients[id]
	if c == nil {
		c = &client{bridge: b, id: id, streams: make(map[millpond.Name]*openStream), lives: make(map[uint64]func()),
			queries: make(map[uint64]context.CancelFunc)}
		c.ctx, c.cancel = context.WithCancel(b.ctx)
		b.clients[id] = c
	}
	return c
}

// leave ends all that the client has open.
func (c *client) leave() {
	c.cancel()
	for name := range c.streams {
		c.close(name)
	}
	for live := range c.lives {
		c.unlive(live)
	}
}

func (c *client) open(name millpond.Name) error {
	if c.streams[name] != nil {
		return nil
	}
	s, err := c.bridge.mirror.Stream(name)
	if err != nil {
		return err
	}
	idle := make(chan struct{})
	close(idle)
	c.streams[name] = &openStream{Stream: s, last: idle}
	return nil
}

// close closes the stream once its appends are answered.
func (c *client) close(name millpond.Name) {
	s := c.streams[name]
	if s == nil {
		return
	}
	delete(c.streams, name)
	c.bridge.start(func() {
		s.waiting.Wait()
		s.Close()
	})
}

func (c *client) append(id uint64, name millpond.Name, events json.RawMessage) error {
	inputs, _, err := millpond.ParseInputs(events)
	if err != nil {
		return err
	}
	s := c.streams[name]
	if s == nil {
		return &millpond.Error{Code: millpond.InvalidRequest, Message: "the stream " + name.String() + " is not open: open it first"}
	}
	before, kept := s.last, make(chan struct{})
	s.last = kept
	s.waiting.Add(1)
	c.bridge.start(func() {
		defer s.waiting.Done()
		<-before
		appended, err := s.Append(c.ctx, inputs...)
		close(kept)
		var committed []millpond.Event
		if err == nil {
			committed, err = appended.Wait(c.ctx)
		}
		if err != nil {
			c.fail(id, err)
			return
		}
		c.succeed(id, millpond.AppendEventsJSON(nil, committed))
	})
	return nil
}

func (c *client) query(id uint64, p *queryParams) error {
	params, err := decodeParams(p.Params)
	if err == nil {
		err = p.View.check()
	}
	if err != nil {
		return err
	}
	run := c.bridge.mirror.Query
	if p.View == optimistic {
		run = c.bridge.mirror.QueryOptimistic
	}
	ctx, cancel := context.WithCancel(c.ctx)
	c.queries[id] = cancel
	c.bridge.start(func() {
		result, err := run(ctx, p.SQL, params...)
		unwanted := ctx.Err() != nil
		c.bridge.enqueue(func() { c.cancelQuery(id) })
		if unwanted {
			return
		}
		if err != nil {
			c.fail(id, err)
			return
		}
		c.succeed(id, result.AppendJSON(nil))
	})
	return nil
}

// cancelQuery ends a query, if it still runs: nobody waits for its answer.
func (c *client) cancelQuery(id uint64) {
	if cancel := c.queries[id]; cancel != nil {
		delete(c.queries, id)
		cancel()
	}
}

func (c *client) live(p *queryParams) error {
	if c.lives[p.Live] != nil {
		return nil
	}
	params, err := decodeParams(p.Params)
	if err == nil {
		err = p.View.check()
	}
	if err != nil {
		return err
	}
	told := &liveAnswers{live: p.Live}
	run := c.bridge.mirror.Live
	if p.View == optimistic {
		run = c.bridge.mirror.LiveOptimistic
	}
	c.lives[p.Live] = run(p.SQL, params, func(result *query.Result, err error) { c.answer(told.next(result, err)) })
	return nil
}

func (c *client) unlive(live uint64) {
	if stop := c.lives[live]; stop != nil {
		delete(c.lives, live)
		stop()
	}
}

func (c *client) retryProjection(id uint64, name string) {
	c.bridge.start(func() {
		if err := c.bridge.mirror.RetryProjection(c.ctx, name); err != nil {
			c.fail(id, err)
			return
		}
		c.succeed(id, []byte("null"))
	})
}
