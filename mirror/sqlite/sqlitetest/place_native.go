//go:build !js

package sqlitetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// place is a directory.
type place struct {
	t   testing.TB
	dir string
}

func newPlace(t testing.TB) *place { return &place{t, t.TempDir()} }

func (p *place) open() (sqlite.Conn, error) {
	return sqlite.Open(filepath.Join(p.dir, "db"), sqlite.Options{Exclusive: true})
}

// crash goes on with a copy of the files as they are: what a process leaves behind when it is killed.
func (p *place) crash() error {
	dir := p.t.TempDir()
	var errs []error
	for _, name := range []string{"db", "db-journal", "db-wal"} {
		data, err := os.ReadFile(filepath.Join(p.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		errs = append(errs, err, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	p.dir = dir
	return errors.Join(errs...)
}

func (p *place) durable() bool { return true }
