// Package sqlitetest gives tests a database that is as real as the platform allows: natively a file in a
// directory of the test, in a browser's worker files in OPFS, and elsewhere under js memory.
package sqlitetest

import (
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Open opens a fresh database, which goes with the test.
func Open(t testing.TB) sqlite.Conn {
	t.Helper()
	return New(t).Open()
}

// Storage is the place of one database, which outlives its connections.
type Storage struct {
	t       testing.TB
	place   *place
	crashed bool
}

// New makes a fresh place, which goes with the test.
func New(t testing.TB) *Storage {
	t.Helper()
	return &Storage{t: t, place: newPlace(t)}
}

// Open opens the database, fresh the first time. There is one connection at a time: close the one before, or Crash.
// The test closes what is still open at its end, and fails if it cannot, as when a statement is open.
func (s *Storage) Open() sqlite.Conn {
	s.t.Helper()
	conn, err := s.place.open()
	if err != nil {
		s.t.Fatalf("open the test's database: %v", err)
	}
	s.t.Cleanup(func() {
		if err := conn.Close(); err != nil && !s.crashed { // a second Close does nothing
			s.t.Errorf("close the test's database: %v", err)
		}
	})
	return conn
}

// Durable reports whether what was committed outlives the connection. A test of that skips itself otherwise.
func (s *Storage) Durable() bool { return s.place.durable() }

// Crash leaves the connection behind as if its process or worker had been killed. The next Open finds what a new
// process would find.
func (s *Storage) Crash() {
	s.t.Helper()
	if !s.Durable() {
		s.t.Fatal("a crash needs a durable database: ask Durable first")
	}
	s.crashed = true
	if err := s.place.crash(); err != nil {
		s.t.Fatalf("crash: %v", err)
	}
}
