package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond/server/store"
)

const restore = "stop the server, keep the directory for inspection, and put a backup in its place"

// explain adds to an error of SQLite which file is at fault and what to do.
func (s *Store) explain(err error) error {
	var known *store.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB):
		return s.corrupt(err)
	case isFull(filepath.Dir(s.path), err):
		return &store.Error{Kind: store.ErrFull, Path: s.path, Err: err, Hint: "free some space; nothing that was acknowledged is lost"}
	}
	return err
}

// isFull reports whether an error of SQLite is that the disk of the directory is full. SQLite's file layer says so of few of
// the writes that fail for that; of the others only that they have failed, and then it is tried out. A write fails before what
// it belongs to is committed: so a transaction that has failed like this has left nothing.
func isFull(dir string, err error) bool {
	if errors.Is(err, sqlite3.FULL) || noSpace(err) {
		return true
	}
	return errors.Is(err, sqlite3.IOERR_WRITE) && noSpace(probe(dir))
}

func noSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// probe tries to write a file of probeBytes.
func probe(dir string) error {
	f, err := os.CreateTemp(dir, ".millpond-probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, probeBytes)); err != nil {
		return err
	}
	return f.Sync()
}

func (s *Store) corrupt(err error) error {
	return &store.Error{Kind: store.ErrCorrupt, Path: s.path, Err: err, Hint: restore}
}
