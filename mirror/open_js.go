package mirror

import (
	"context"
	"errors"

	"github.com/millpond-dev/millpond/mirror/opfs"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// openStorage opens the mirror's files in the origin private file system; where there is none, or no room in it, a
// database in memory.
func openStorage(ctx context.Context, o Options) (*storage, error) {
	pool, err := opfs.Open(ctx, o.Name)
	if errors.Is(err, opfs.ErrUnavailable) || errors.Is(err, opfs.ErrFull) {
		return openMemory("the data is in memory only, and is fetched again after a reload: " + err.Error())
	}
	if err != nil {
		return nil, err
	}
	c, err := sqlite.Open(opfs.Database, sqlite.Options{Files: pool, Exclusive: true})
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &storage{conn: c, kind: StorageOPFS, release: pool.Close}, nil
}

// replaceable reports whether the database may be deleted for the error: the folder is the mirror's own, so anything
// that cannot be read is.
func replaceable(err error) bool {
	var schema *replica.SchemaError
	return damaged(err) || errors.Is(err, sqlite.NotADB) || errors.As(err, &schema)
}

func removeStorage(ctx context.Context, o Options) error { return opfs.Delete(ctx, o.Name) }
