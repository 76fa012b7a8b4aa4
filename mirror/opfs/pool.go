package opfs

import (
	"errors"
	"fmt"
	"regexp"
)

// Database is the path of a pool's database.
const Database = "db"

// fileNames are the files of a pool: SQLite derives the names of the other two.
var fileNames = [...]string{Database, Database + "-journal", Database + "-wal"}

var errClosed = errors.New("opfs: the pool is closed")

// Pool is the open files of one mirror. SQLite deletes files, but a pool keeps them, empty: so a file exists for SQLite
// when it is not empty. A pool is a [sqlite.Files].
type Pool struct {
	name   string
	files  [len(fileNames)]*file
	inUse  bool // a connection has the database open
	closed bool
}

// FileInfo is a file of a pool as Files reports it.
type FileInfo struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

// checkName keeps names to what is a folder's name everywhere.
func checkName(name string) error {
	if len(name) > maxNameBytes || !validName.MatchString(name) {
		return fmt.Errorf("opfs: %q: %w", name, ErrName)
	}
	return nil
}

// newPool makes a pool of open handles, in the order of fileNames.
func newPool(name string, handles [len(fileNames)]Handle) (*Pool, error) {
	p := &Pool{name: name}
	for i, h := range handles {
		f, err := newFile(h)
		if err != nil {
			return nil, fmt.Errorf("size of %s: %w", fileNames[i], err)
		}
		p.files[i] = f
	}
	p.file(Database + "-wal").endsTransaction = walCommits()
	return p, nil
}

// Files tells the files and how large they are.
func (p *Pool) Files() []FileInfo {
	infos := make([]FileInfo, len(p.files))
	for i, f := range p.files {
		infos[i] = FileInfo{fileNames[i], f.size()}
	}
	return infos
}

// file finds a file by SQLite's name for it; nil when the pool has none of that name.
func (p *Pool) file(name string) *file {
	for i, n := range fileNames {
		if n == name {
			return p.files[i]
		}
	}
	return nil
}

// settle sends out all that is pending, of which SQLite takes the loss for impossible.
func (p *Pool) settle() error {
	var errs []error
	for _, f := range p.files {
		errs = append(errs, f.settle())
	}
	return errors.Join(errs...)
}

// Clear empties the files. No connection may be open. The database goes first: SQLite ignores the journals
// of an empty one.
func (p *Pool) Clear() error {
	if p.inUse {
		return fmt.Errorf("opfs: clear %s: a connection is open", p.name)
	}
	for i, f := range p.files {
		if err := remove(f); err != nil {
			return fmt.Errorf("clear %s/%s: %w", p.name, fileNames[i], err)
		}
	}
	return nil
}

// remove does what a pool does in the place of deleting.
func remove(f *file) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	return f.Sync()
}

// Close flushes and closes the files. The connection must be closed before, else it can only fail from now on.
// A second Close does nothing.
func (p *Pool) Close() error {
	if p.closed {
		return nil
	}
	var errs []error
	for i, f := range p.files {
		if err := f.close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s/%s: %w", p.name, fileNames[i], err))
		}
	}
	p.closed = true
	return errors.Join(errs...)
}

// Abandon closes the files as the death of the worker does: what is pending is lost. It is for tests.
func (p *Pool) Abandon() error {
	for _, f := range p.files {
		f.pending, f.dirty = nil, false
	}
	return p.Close()
}
