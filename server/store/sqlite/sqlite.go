package sqlite

import (
	"github.com/millpond-dev/millpond/server/store"
)

// Store keeps all logs in one SQLite database.
type Store struct {
	store.Store
}

// Open opens, or creates, the database millpond.db in the directory, which it creates when it is missing.
func Open(dir string) (*Store, error) { panic("to come") }
