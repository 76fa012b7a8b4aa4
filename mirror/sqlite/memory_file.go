package sqlite

import (
	"io"
	"slices"
)

// MemoryFile is a File in memory, for layers that have no place for temporary ones. The zero value is an empty file;
// its content goes with Close.
type MemoryFile struct{ data []byte }

var _ File = (*MemoryFile)(nil)

func (f *MemoryFile) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	if at < int64(len(f.data)) {
		n = copy(p, f.data[at:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *MemoryFile) WriteAt(p []byte, at int64) (int, error) {
	if end := at + int64(len(p)); end > int64(len(f.data)) {
		f.resize(end)
	}
	return copy(f.data[at:], p), nil
}

func (f *MemoryFile) Truncate(size int64) error {
	f.resize(size)
	return nil
}

func (f *MemoryFile) resize(size int64) {
	if more := size - int64(len(f.data)); more > 0 {
		old := len(f.data)
		f.data = slices.Grow(f.data, int(more))[:size]
		clear(f.data[old:])
	}
	f.data = f.data[:size]
}

func (f *MemoryFile) Sync() error          { return nil }
func (f *MemoryFile) Size() (int64, error) { return int64(len(f.data)), nil }

func (f *MemoryFile) Close() error {
	f.data = nil
	return nil
}
