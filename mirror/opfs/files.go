package opfs

import (
	"fmt"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

var (
	_ sqlite.Files     = (*Pool)(nil)
	_ sqlite.Committer = (*databaseFile)(nil)
)

var errOtherFile = fmt.Errorf("opfs: a pool has one database, %q: nothing can be attached to it: %w", Database, sqlite.CantOpen)

// Open opens a file of the pool for SQLite, or one in memory for what is temporary.
func (p *Pool) Open(name string, kind sqlite.FileKind) (sqlite.File, error) {
	if kind == sqlite.TempFile {
		return new(sqlite.MemoryFile), nil
	}
	f := p.file(name)
	switch {
	case f == nil: // ATTACH, or the journal of several databases at once
		return nil, errOtherFile
	case kind != sqlite.DatabaseFile:
		return f, nil
	case p.inUse:
		return nil, fmt.Errorf("opfs: %s has a connection already: %w", p.name, sqlite.Busy)
	}
	p.inUse = true
	return &databaseFile{f, p}, nil
}

// Delete empties a file.
func (p *Pool) Delete(name string) error {
	f := p.file(name)
	if f == nil || f.size() == 0 {
		return nil
	}
	return remove(f)
}

// Exists reports whether a file has anything in it.
func (p *Pool) Exists(name string) (bool, error) {
	f := p.file(name)
	return f != nil && f.size() > 0, nil
}

// databaseFile is the open database, of which there is one.
type databaseFile struct {
	*file
	pool *Pool
}

// Committed sends out what is pending. In the log's usual course nothing is; what is, SQLite takes for committed.
func (f *databaseFile) Committed() error { return f.pool.settle() }

func (f *databaseFile) Close() error {
	f.pool.inUse = false
	return f.file.Close()
}
