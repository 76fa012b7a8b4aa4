// Package sqlitetest gives tests a fresh database that is as real as the platform allows: natively a file in a
// directory of the test, in a browser's worker a file in OPFS, in Node memory.
package sqlitetest

import (
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Open opens a fresh database, which goes with the test.
func Open(t testing.TB) sqlite.Conn {
	t.Helper()
	return New(t).Open(t)
}

// Storage is the place of one database, which outlives its connections.
type Storage struct{ place }

// New makes a fresh place, which goes with the test. It may be closed and opened again if it is Durable.
func New(t testing.TB) *Storage {
	t.Helper()
	return &Storage{newPlace(t)}
}

// Open opens the database again: what was committed is there, unless the place is not Durable.
// One connection at a time: close the one before, or Crash it.
func (s *Storage) Open(t testing.TB) sqlite.Conn {
	t.Helper()
	conn, err := s.open(t)
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(func() { conn.Close() }) // a second Close does nothing
	return conn
}

// Durable reports whether what was committed outlives the connection.
func (s *Storage) Durable() bool { return s.durable() }
