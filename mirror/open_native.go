//go:build !js

package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"

	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// path is a database file.
type path string

func newPlace(o Options) place { return path(o.Path) }

// open opens the database file. Other processes may read it meanwhile; another mirror is kept out, by a lock on a file
// beside it.
func (p path) open(context.Context) (*storage, error) {
	if p == "" {
		return openMemory(nil)
	}
	lock := flock.New(string(p) + "-lock")
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the database: %w", err)
	}
	if !held {
		return nil, fmt.Errorf("the database %s is open in another mirror: close that, or choose another path: %w", string(p), sqlite.Busy)
	}
	s, err := p.openLocked()
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.release = lock.Close
	return s, nil
}

func (p path) openLocked() (*storage, error) {
	c, err := sqlite.Open(string(p), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	opened, err := os.Stat(string(p))
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	beside := func() (sqlite.Conn, func(), error) {
		c, err := sqlite.Open(string(p), sqlite.Options{})
		return c, func() {}, err
	}
	return &storage{conn: c, kind: StorageFile, check: func() (*Space, error) { return p.check(opened) }, beside: beside}, nil
}

// errLost: what is written goes nowhere.
var errLost = errors.New("the database file was deleted, or another one is in its place")

// check fails when the file at the path is not the one that was opened.
func (p path) check(opened fs.FileInfo) (*Space, error) {
	now, err := os.Stat(string(p))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(opened, now) {
		return nil, fmt.Errorf("%w: %s", errLost, string(p))
	}
	if err != nil {
		return nil, err
	}
	space := &Space{UsageBytes: now.Size(), Persistence: PersistenceKept}
	if wal, err := os.Stat(string(p) + "-wal"); err == nil {
		space.UsageBytes += wal.Size()
	}
	return space, nil
}

func (p path) remove(context.Context) error {
	for _, suffix := range []string{"-journal", "-wal", "-shm", ""} {
		if err := os.Remove(string(p) + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// replaceable reports whether a database that cannot be opened may be deleted for the error. A file that is no database at all,
// or that of another program, may be there by a slip of the path: it is left alone.
func replaceable(p *StorageProblem, err error) bool {
	var schema *replica.SchemaError
	if errors.As(err, &schema) {
		return schema.ApplicationID == replica.ApplicationID
	}
	return p != nil && p.isMade() && !errors.Is(err, sqlite.NotADB)
}

// isLost reports whether the files under an open database are not what they were.
func isLost(err error) bool { return errors.Is(err, errLost) }
