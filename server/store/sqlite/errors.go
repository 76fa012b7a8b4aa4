package sqlite

import (
	"errors"
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
	case errors.Is(err, sqlite3.FULL), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &store.Error{Kind: store.ErrFull, Path: s.path, Err: err, Hint: "free some space; nothing that was acknowledged is lost"}
	}
	return err
}

func (s *Store) corrupt(err error) error {
	return &store.Error{Kind: store.ErrCorrupt, Path: s.path, Err: err, Hint: restore}
}
