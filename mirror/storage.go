package mirror

import (
	"context"
	"errors"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Storage is where the database is.
type Storage string

// The storages.
const (
	StorageOPFS   Storage = "opfs"
	StorageFile   Storage = "file"
	StorageMemory Storage = "memory"
)

// place is where a mirror's database is to be: a file, or a folder of the browser's.
type place interface {
	// open opens the database there, or makes it; where there is no such place, one in memory that says why.
	open(ctx context.Context) (*storage, error)
	// remove deletes the database, for good. It must not be open.
	remove(ctx context.Context) error
}

// storage is where a database is: an open connection, and what else is to be closed after it.
type storage struct {
	conn    sqlite.Conn
	kind    Storage
	problem *StorageProblem // why it is not the storage that was asked for, or not the database that was there
	release func() error
	// check measures the room that there is, as far as it can, and fails when the files are not where they were any more, though the
	// connection may work on. It is called away from the mirror's goroutine. nil: there are no files.
	check func() (*Space, error)
	// lose has closing write nothing more, after check has failed. nil: it may write.
	lose func()
	// beside opens another connection, which reads the database as it is now for as long as it is open; leave is to be called
	// on the goroutine of conn after it is closed. nil: there can be none.
	beside func() (conn sqlite.Conn, leave func(), err error)
}

func (s *storage) close() error {
	err := s.conn.Close()
	if s.release != nil {
		err = errors.Join(err, s.release())
	}
	return err
}

// openMemory is the storage that is always there.
func openMemory(problem *StorageProblem) (*storage, error) {
	c, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	return &storage{conn: c, kind: StorageMemory, problem: problem}, nil
}
