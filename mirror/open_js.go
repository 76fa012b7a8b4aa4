package mirror

import (
	"context"
	"errors"

	"github.com/millpond-dev/millpond/mirror/opfs"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// folder is the mirror's folder in the origin private file system. It is the mirror's own, so anything in it that cannot be
// read may be deleted.
type folder string

func newPlace(o Options) place { return folder(o.Name) }

func (f folder) open(ctx context.Context) (*storage, error) {
	pool, err := opfs.Open(ctx, string(f))
	if errors.Is(err, opfs.ErrUnavailable) || errors.Is(err, opfs.ErrFull) {
		return openMemory(inMemory(err))
	}
	if err != nil {
		return nil, err
	}
	c, err := sqlite.Open(opfs.Database, sqlite.Options{Files: pool, Exclusive: true})
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &storage{
		conn: c, kind: StorageOPFS, release: pool.Close,
		check:  func() (*Space, error) { return checkPool(pool) },
		lose:   pool.Lose,
		beside: (&snapshots{conn: c, pool: pool}).open,
	}, nil
}

func checkPool(pool *opfs.Pool) (*Space, error) {
	if err := pool.Check(); err != nil {
		return nil, err
	}
	room, err := opfs.Measure()
	if err != nil {
		return nil, nil // the browser does not say
	}
	space := &Space{UsageBytes: room.UsageBytes, QuotaBytes: room.QuotaBytes, Persistence: BestEffort}
	if room.Persisted {
		space.Persistence = PersistenceKept
	}
	return space, nil
}

func (f folder) remove(ctx context.Context) error { return opfs.Delete(ctx, string(f)) }

// replaceable reports whether a database that cannot be opened may be deleted for the error.
func replaceable(p *StorageProblem, _ error) bool { return p != nil && p.isMade() }

// isLost reports whether the files under an open database are not what they were.
func isLost(err error) bool { return errors.Is(err, opfs.ErrLost) }
