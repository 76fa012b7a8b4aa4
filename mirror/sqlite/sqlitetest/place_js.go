package sqlitetest

import (
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

type place struct{}

func newPlace(testing.TB) place { return place{} }

func (place) open(testing.TB) (sqlite.Conn, error) {
	return sqlite.Open(sqlite.Memory, sqlite.Options{Exclusive: true})
}

func (place) durable() bool { return false }
