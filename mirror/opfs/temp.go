package opfs

import (
	"io"
	"slices"
)

// tempFile is a temporary file, in memory: nobody else sees it, and nobody misses it.
type tempFile struct{ data []byte }

func (f *tempFile) ReadAt(p []byte, at int64) (int, error) {
	n := 0
	if at < int64(len(f.data)) {
		n = copy(p, f.data[at:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *tempFile) WriteAt(p []byte, at int64) (int, error) {
	if end := at + int64(len(p)); end > int64(len(f.data)) {
		f.resize(end)
	}
	return copy(f.data[at:], p), nil
}

func (f *tempFile) Truncate(size int64) error {
	f.resize(size)
	return nil
}

func (f *tempFile) resize(size int64) {
	if more := size - int64(len(f.data)); more > 0 {
		old := len(f.data)
		f.data = slices.Grow(f.data, int(more))[:size]
		clear(f.data[old:])
	}
	f.data = f.data[:size]
}

func (f *tempFile) Sync() error          { return nil }
func (f *tempFile) Size() (int64, error) { return int64(len(f.data)), nil }

func (f *tempFile) Close() error {
	f.data = nil
	return nil
}
