package faultfiles

import (
	"fmt"
	"io"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// file is an open file of a disk.
type file struct {
	disk    *Disk
	power   int
	name    string
	content *content
	closed  bool
}

func (f *file) call(op Op, bytes int) (written int, err error) {
	if f.closed || f.power != f.disk.power {
		return 0, fmt.Errorf("%s %s: %w", op, f.name, ErrClosed)
	}
	return f.disk.call(op, f.name, bytes)
}

func (f *file) ReadAt(p []byte, at int64) (n int, err error) {
	if _, err := f.call(Read, len(p)); err != nil {
		return 0, err
	}
	if at < int64(len(f.content.data)) {
		n = copy(p, f.content.data[at:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, at int64) (int, error) {
	written, err := f.call(Write, len(p))
	if err != nil {
		p = p[:min(written, len(p))]
	} else if room := f.room(at); int64(len(p)) > room {
		p = p[:room]
		err = fmt.Errorf("faultfiles: write %s: the disk has %d bytes: %w", f.name, f.disk.Limit, sqlite.Full)
	}
	f.content.write(p, at)
	return len(p), err
}

// room is how many bytes can be written at an offset.
func (f *file) room(at int64) int64 {
	if f.disk.Limit == 0 {
		return 1<<63 - 1
	}
	free := f.disk.Limit - f.disk.Used() // a temporary file is none of the disk's
	return max(0, int64(len(f.content.data))+free-at)
}

func (f *file) Truncate(size int64) error {
	_, err := f.call(Truncate, 0)
	if err == nil {
		f.content.truncate(size)
	}
	return err
}

func (f *file) Sync() error {
	_, err := f.call(Sync, 0)
	if err == nil {
		f.content.sync()
	}
	return err
}

func (f *file) Size() (int64, error) {
	_, err := f.call(Size, 0)
	return int64(len(f.content.data)), err
}

// Close closes the file, also when it fails.
func (f *file) Close() error {
	_, err := f.call(Close, 0)
	if !f.closed && f.power == f.disk.power {
		f.content.open = false
	}
	f.closed = true
	return err
}
