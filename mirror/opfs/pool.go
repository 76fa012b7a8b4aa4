package opfs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Database is the path of a pool's database.
const Database = "db"

// keptFiles are the files of a pool that are one database: SQLite derives the names of the other two.
var keptFiles = []string{Database, Database + "-journal", Database + "-wal"}

// fileNames are all files of a pool: those, and the spare ones.
var fileNames = func() []string {
	names := keptFiles
	for i := range spareFiles {
		names = append(names, fmt.Sprintf("temp-%d", i+1))
	}
	return names
}()

var (
	errClosed    = errors.New("opfs: the pool is closed")
	errOtherFile = fmt.Errorf("opfs: a pool has one database, %q: nothing can be attached to it: %w", Database, sqlite.CantOpen)
)

// Pool is the open files of one mirror: a [sqlite.Files]. SQLite deletes files, but a pool keeps them, empty: so a file
// exists for SQLite when it is not empty.
type Pool struct {
	name   string
	files  map[string]*file // the kept ones, by name
	buffer writeBuffer      // of the kept ones
	temps  tempFiles
	all    []*file
	inUse  bool // a connection has the database open
	closed bool

	snapshots []*Snapshot
}

var (
	_ sqlite.Files     = (*Pool)(nil)
	_ sqlite.Committer = (*databaseFile)(nil)
)

// nameBytes are the characters of a name; it does not begin with a dot. Package regexp would be 90 KB of the browser's download.
const nameBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

// checkName keeps names to what is a folder's name everywhere.
func checkName(name string) error {
	if len(name) > maxNameBytes || name == "" || name[0] == '.' || strings.Trim(name, nameBytes) != "" {
		return fmt.Errorf("opfs: %q: %w", name, ErrName)
	}
	return nil
}

// newPool makes a pool of open handles, in the order of fileNames.
func newPool(name string, handles []sqlite.File) (*Pool, error) {
	p := &Pool{name: name, files: make(map[string]*file)}
	for i, h := range handles {
		buffer := &p.buffer
		if i >= len(keptFiles) {
			buffer = new(writeBuffer)
		}
		f, err := newFile(h, buffer)
		if err != nil {
			return nil, fmt.Errorf("size of %s: %w", fileNames[i], err)
		}
		p.all = append(p.all, f)
		if i < len(keptFiles) {
			p.files[fileNames[i]] = f
			f.written = func(at int64) { p.overtake(fileNames[i], at) }
			continue
		}
		_ = f.empty() // a worker that was killed may have left it full; its next user tries again, and tells
		p.temps.spares = append(p.temps.spares, f)
	}
	p.files[Database+"-wal"].endsTransaction = walCommits()
	return p, nil
}

// Open opens a file of the pool for SQLite, or a temporary one.
func (p *Pool) Open(name string, kind sqlite.FileKind) (sqlite.File, error) {
	if kind == sqlite.TempFile {
		return &tempFile{temps: &p.temps}, nil
	}
	f := p.files[name]
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
	if exists, err := p.Exists(name); !exists || err != nil {
		return err
	}
	return p.files[name].empty()
}

// Exists reports whether a file has anything in it.
func (p *Pool) Exists(name string) (bool, error) {
	f := p.files[name]
	return f != nil && f.size() > 0, nil
}

// databaseFile is the open database, of which there is one.
type databaseFile struct {
	*file
	pool *Pool
}

// Committed sends out what is pending. In the log's usual course nothing is; what is, SQLite takes for committed.
func (f *databaseFile) Committed() error {
	if other := f.pool.buffer.file; other != nil {
		return other.settle()
	}
	return nil
}

func (f *databaseFile) Close() error {
	f.pool.inUse = false
	return f.file.Close()
}

// Close syncs and closes the files. The connection must be closed before, else it can only fail from now on.
// A second Close does nothing.
func (p *Pool) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	var errs []error
	for i, f := range p.all {
		if err := f.leave(); err != nil {
			errs = append(errs, fmt.Errorf("close %s/%s: %w", p.name, fileNames[i], err))
		}
	}
	return errors.Join(errs...)
}

// Lose has every later call fail, and what is pending forgotten, without a word to the browser: one that has cleared the site's data
// can keep those waiting for ever that write to files which are no more, or close them. Close is to follow.
func (p *Pool) Lose() {
	for _, f := range p.all {
		f.buffer.take(f)
		f.dirty, f.broken = false, ErrLost
		f.handle = new(sqlite.MemoryFile)
	}
}

// Abandon closes the files as the death of the worker does: what is pending is lost. It is for tests.
func (p *Pool) Abandon() error {
	for _, f := range p.all {
		f.buffer.take(f)
		f.dirty = false
	}
	return p.Close()
}
