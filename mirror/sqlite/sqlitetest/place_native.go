//go:build !js

package sqlitetest

import (
	"path/filepath"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

type place struct{ path string }

func newPlace(t testing.TB) place { return place{filepath.Join(t.TempDir(), "db")} }

func (p place) open(testing.TB) (sqlite.Conn, error) {
	return sqlite.Open(p.path, sqlite.Options{Exclusive: true})
}

func (place) durable() bool { return true }
