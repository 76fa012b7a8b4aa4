package sqlite

import (
	"context"
	"errors"
	"sync"

	"github.com/millpond-dev/millpond/server/store"
)

// pool lends connections, each to one goroutine at a time.
type pool[T any] struct {
	free   chan *T
	closed chan struct{}
	once   sync.Once
	size   int // how many there are; fixed before the pool is shared
}

func newPool[T any](capacity int) *pool[T] {
	return &pool[T]{free: make(chan *T, capacity), closed: make(chan struct{})}
}

// add gives the pool one more.
func (p *pool[T]) add(c *T) {
	p.size++
	p.free <- c
}

// get waits for a connection; put it back.
func (p *pool[T]) get(ctx context.Context) (*T, error) {
	select {
	case c := <-p.free:
		return c, nil
	case <-p.closed:
		return nil, store.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pool[T]) put(c *T) { p.free <- c }

// close waits for the connections that are lent and closes all.
func (p *pool[T]) close(closeOne func(*T) error) error {
	var errs []error
	p.once.Do(func() {
		close(p.closed)
		for range p.size {
			errs = append(errs, closeOne(<-p.free))
		}
	})
	return errors.Join(errs...)
}
