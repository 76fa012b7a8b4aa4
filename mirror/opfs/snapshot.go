package opfs

import (
	"fmt"
	"io"
	"slices"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// errOvertaken is told by a snapshot whose bytes were written over.
var errOvertaken = fmt.Errorf("opfs: the database was written over a snapshot of it: %w", sqlite.Abort)

var errSnapshot = fmt.Errorf("opfs: a snapshot cannot be written: %w", sqlite.ReadOnly)

// Snapshot is a pool's database as it is at a moment: a [sqlite.Files] for a second connection, which can only read, while the
// first goes on. It lasts for as long as the database is only written to at the end of its write-ahead log: there must be
// no checkpoint, and the log must not begin anew. When that happens all the same, each read fails from then on.
//
// The second connection is for the pool's goroutine, too, or for others that run only while that one is not in a call of the
// first, as goroutines in a browser do.
type Snapshot struct {
	pool      *Pool
	sizes     map[string]int64
	overtaken bool
}

var _ sqlite.Files = (*Snapshot)(nil)

// Snapshot takes a snapshot. No transaction may be open.
func (p *Pool) Snapshot() *Snapshot {
	s := &Snapshot{pool: p, sizes: make(map[string]int64)}
	for name, f := range p.files {
		s.sizes[name] = f.size()
		if f.endsTransaction != nil {
			s.sizes[name] = f.ended
		}
	}
	p.snapshots = append(p.snapshots, s)
	return s
}

// WALSize is the size of the write-ahead log in bytes.
func (p *Pool) WALSize() int64 { return p.files[Database+"-wal"].size() }

// Close ends the snapshot, and answers how many there still are. Its connection is to be closed before.
func (s *Snapshot) Close() (left int) {
	s.overtaken = true
	is := func(other *Snapshot) bool { return other == s }
	s.pool.snapshots = slices.DeleteFunc(s.pool.snapshots, is)
	return len(s.pool.snapshots)
}

// overtake is told that a file is written from at on.
func (p *Pool) overtake(name string, at int64) {
	for _, s := range p.snapshots {
		if at < s.sizes[name] {
			s.overtaken = true
		}
	}
}

// Open opens a file of the snapshot, or a temporary one of the pool.
func (s *Snapshot) Open(name string, kind sqlite.FileKind) (sqlite.File, error) {
	if kind == sqlite.TempFile {
		return s.pool.Open(name, kind)
	}
	f := s.pool.files[name]
	if f == nil {
		return nil, errOtherFile
	}
	return &snapshotFile{f, s, s.sizes[name]}, nil
}

// Delete deletes nothing: SQLite asks for it when the connection is closed.
func (s *Snapshot) Delete(string) error { return nil }

// Exists reports whether a file had anything in it.
func (s *Snapshot) Exists(name string) (bool, error) { return s.sizes[name] > 0, nil }

// snapshotFile is the beginning of a file.
type snapshotFile struct {
	file     *file
	snapshot *Snapshot
	size     int64
}

func (f *snapshotFile) ReadAt(p []byte, at int64) (int, error) {
	if f.snapshot.overtaken {
		return 0, errOvertaken
	}
	want := p[:min(int64(len(p)), max(0, f.size-at))]
	n, err := f.file.ReadAt(want, at)
	if err == nil && len(want) < len(p) {
		err = io.EOF
	}
	return n, err
}

func (f *snapshotFile) WriteAt([]byte, int64) (int, error) { return 0, errSnapshot }
func (f *snapshotFile) Truncate(int64) error               { return errSnapshot }
func (f *snapshotFile) Sync() error                        { return nil }
func (f *snapshotFile) Size() (int64, error)               { return f.size, nil }
func (f *snapshotFile) Close() error                       { return nil }
