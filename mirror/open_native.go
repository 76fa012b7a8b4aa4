//go:build !js

package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// openStorage opens the database file. Another process that has it open keeps this one out.
func openStorage(_ context.Context, o Options) (*storage, error) {
	if o.Path == "" {
		return openMemory("")
	}
	c, err := sqlite.Open(o.Path, sqlite.Options{Exclusive: true})
	if errors.Is(err, sqlite.Busy) {
		return nil, fmt.Errorf("the database is open in another process: close that, or choose another path: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return &storage{conn: c, kind: StorageFile}, nil
}

// replaceable reports whether the database may be deleted for the error. A file that is no database at all, or that of
// another program, may be there by a slip of the path: it is left alone.
func replaceable(err error) bool { return damaged(err) && !errors.Is(err, sqlite.NotADB) }

func removeStorage(_ context.Context, o Options) error {
	for _, suffix := range []string{"-journal", "-wal", "-shm", ""} {
		if err := os.Remove(o.Path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
