package sqlitetest

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/millpond-dev/millpond/mirror/opfs"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// place is a pool of OPFS files, or nothing where there is no OPFS: then each connection has a memory of its own.
type place struct {
	name string
	pool *opfs.Pool
}

func newPlace(t testing.TB) *place {
	p := &place{name: "test-" + rand.Text()}
	err := p.openPool()
	if errors.Is(err, opfs.ErrUnavailable) {
		return p
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.pool.Close(), opfs.Delete(context.Background(), p.name)); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *place) openPool() (err error) {
	p.pool, err = opfs.Open(context.Background(), p.name)
	return err
}

func (p *place) open() (sqlite.Conn, error) {
	if !p.durable() {
		return sqlite.Open(sqlite.Memory, sqlite.Options{})
	}
	return sqlite.Open(opfs.Database, sqlite.Options{Files: p.pool})
}

func (p *place) crash() error {
	return errors.Join(p.pool.Abandon(), p.openPool())
}

func (p *place) durable() bool { return p.pool != nil }
