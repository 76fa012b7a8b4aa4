package opfs

import (
	"fmt"
	"io"
)

// Handle is an open file below: in the browser a FileSystemSyncAccessHandle.
type Handle interface {
	// ReadAt reads fewer bytes than asked for at the end of the file, without an error.
	ReadAt(p []byte, at int64) (int, error)
	// WriteAt may write fewer bytes than asked for, without an error.
	WriteAt(p []byte, at int64) (int, error)
	Truncate(size int64) error
	Flush() error
	Size() (int64, error)
	Close() error
}

// file is a file of a pool: what was written and is not yet sent to the handle is part of it. It is a [sqlite.File].
type file struct {
	handle  Handle
	stored  int64  // size of what the handle has: asking it is dear
	pending []byte // written to the file, not yet to the handle: contiguous from pendingAt
	at      int64
	dirty   bool  // the handle has bytes that were not flushed
	broken  error // once set, what every call answers

	// endsTransaction, if any, is told of each write; its answer true sends out what is pending.
	endsTransaction func(p []byte, at int64) bool
}

func newFile(h Handle) (*file, error) {
	size, err := h.Size()
	if err != nil {
		return nil, err
	}
	return &file{handle: h, stored: size}, nil
}

// Size is the size of the file.
func (f *file) Size() (int64, error) { return f.size(), nil }

func (f *file) size() int64 {
	if len(f.pending) == 0 {
		return f.stored
	}
	return max(f.stored, f.at+int64(len(f.pending)))
}

// ReadAt reads as io.ReaderAt does. It never sends out what is pending: a read has no way to report that a write failed.
func (f *file) ReadAt(p []byte, at int64) (int, error) {
	if f.broken != nil {
		return 0, f.broken
	}
	want := p[:min(int64(len(p)), max(0, f.size()-at))]
	if err := f.readStored(want, at); err != nil {
		return 0, err
	}
	f.overlay(want, at)
	if len(want) < len(p) {
		return len(want), io.EOF
	}
	return len(want), nil
}

// readStored fills p from the handle, and with zeros where the handle has nothing yet.
func (f *file) readStored(p []byte, at int64) error {
	if at >= f.at && at+int64(len(p)) <= f.at+int64(len(f.pending)) {
		return nil // all of it is pending
	}
	stored := p[:min(int64(len(p)), max(0, f.stored-at))]
	clear(p[len(stored):])
	if len(stored) == 0 {
		return nil
	}
	n, err := f.handle.ReadAt(stored, at)
	if err == nil && n < len(stored) {
		err = fmt.Errorf("opfs: read: the file has lost bytes from %d on: %w", at+int64(n), io.ErrUnexpectedEOF)
	}
	return err
}

// overlay copies over p, which begins at at, what is pending of it.
func (f *file) overlay(p []byte, at int64) {
	switch skip := f.at - at; {
	case skip >= int64(len(p)) || -skip >= int64(len(f.pending)):
	case skip >= 0:
		copy(p[skip:], f.pending)
	default:
		copy(p, f.pending[-skip:])
	}
}

// WriteAt writes as io.WriterAt does, later if it can. An error may be about an earlier write.
func (f *file) WriteAt(p []byte, at int64) (int, error) {
	if f.broken != nil {
		return 0, f.broken
	}
	if !f.fits(p, at) {
		if err := f.drain(); err != nil {
			return 0, err
		}
		f.at = at
	}
	if len(p) > maxWriteBytes {
		if err := f.store(p, at); err != nil {
			return 0, err
		}
	} else {
		over := copy(f.pending[at-f.at:], p)
		f.pending = append(f.pending, p[over:]...)
	}
	if f.endsTransaction != nil && f.endsTransaction(p, at) {
		if err := f.drain(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// fits reports whether the write continues, or writes over, what is pending, within the bound.
func (f *file) fits(p []byte, at int64) bool {
	end := f.at + int64(len(f.pending))
	return len(f.pending) > 0 && f.at <= at && at <= end && at+int64(len(p)) <= f.at+maxWriteBytes
}

// drain sends out what is pending. After a failure it is gone: the file is as the handle has it.
func (f *file) drain() error {
	if f.broken != nil || len(f.pending) == 0 {
		return f.broken
	}
	p := f.pending
	f.pending = f.pending[:0]
	return f.store(p, f.at)
}

// store writes to the handle.
func (f *file) store(p []byte, at int64) error {
	f.dirty = true
	for len(p) > 0 {
		n, err := f.handle.WriteAt(p, at)
		if err == nil && n <= 0 {
			err = fmt.Errorf("opfs: write: %w", io.ErrShortWrite)
		}
		if err != nil {
			return f.failed(err)
		}
		p, at = p[n:], at+int64(n)
		f.stored = max(f.stored, at)
	}
	return nil
}

// failed finds out how large the file is after a failure, for nobody else says.
func (f *file) failed(err error) error {
	size, sizeErr := f.handle.Size()
	if sizeErr != nil {
		f.broken = err
	}
	f.stored = size
	return err
}

// Truncate makes the file shorter, or longer by zeros.
func (f *file) Truncate(size int64) error {
	if err := f.drain(); err != nil {
		return err
	}
	if size == f.stored {
		return nil
	}
	f.dirty = true
	if err := f.handle.Truncate(size); err != nil {
		return f.failed(err)
	}
	f.stored = size
	return nil
}

// Sync makes what was written survive a power loss.
func (f *file) Sync() error {
	if err := f.drain(); err != nil || !f.dirty {
		return err
	}
	if err := f.handle.Flush(); err != nil {
		return err
	}
	f.dirty = false
	return nil
}

// settle is drain for a caller that has already been promised what is pending: a failure breaks the file.
func (f *file) settle() error {
	err := f.drain()
	if err != nil {
		f.broken = err
	}
	return err
}

// Close ends SQLite's use of the file. The handle stays open: it is the pool's.
func (f *file) Close() error { return f.settle() }

// close settles, flushes and closes the handle, whatever fails on the way; it returns the first failure.
func (f *file) close() error {
	err := f.Sync()
	if closeErr := f.handle.Close(); err == nil {
		err = closeErr
	}
	f.broken = errClosed
	return err
}
