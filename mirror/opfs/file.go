package opfs

import (
	"fmt"
	"io"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// file is a file of a pool: what was written and is not yet sent to the handle is part of it. It is a [sqlite.File].
type file struct {
	handle sqlite.File  // what the browser has: in the browser a FileSystemSyncAccessHandle
	buffer *writeBuffer // what waits to be sent there, if it is this file's
	ahead  readAhead
	stored int64 // size of what the handle has: asking it is dear
	dirty  bool  // the handle has bytes that were not synced
	broken error // once set, what every call answers

	// endsTransaction, if any, is told of each write; its answer true sends out what is pending.
	endsTransaction func(p []byte, at int64) bool
	ended           int64 // where the last transaction ends in a log: what follows was rolled back, or is not yet committed
	// written, if any, is told of each write before it is made: all from at on may be other than it was.
	written func(at int64)
}

func newFile(handle sqlite.File, buffer *writeBuffer) (*file, error) {
	size, err := handle.Size()
	if err != nil {
		return nil, err
	}
	return &file{handle: handle, buffer: buffer, stored: size, ended: size}, nil
}

// Size is the size of the file.
func (f *file) Size() (int64, error) { return f.size(), nil }

func (f *file) size() int64 { return max(f.stored, f.buffer.end(f)) }

// ReadAt reads as io.ReaderAt does. It never sends out what is pending: a read has no way to report that a write failed.
func (f *file) ReadAt(p []byte, at int64) (int, error) {
	if f.broken != nil {
		return 0, f.broken
	}
	want := p[:min(int64(len(p)), max(0, f.size()-at))]
	if !f.buffer.holds(f, want, at) {
		if err := f.readStored(want, at); err != nil {
			return 0, err
		}
	}
	f.buffer.overlay(f, want, at)
	if len(want) < len(p) {
		return len(want), io.EOF
	}
	return len(want), nil
}

// readStored fills p from the handle, and with zeros where the handle has nothing yet.
func (f *file) readStored(p []byte, at int64) error {
	stored := p[:min(int64(len(p)), max(0, f.stored-at))]
	clear(p[len(stored):])
	if len(stored) == 0 {
		return nil
	}
	n, err := f.ahead.read(f.handle, stored, at, f.stored)
	if n < len(stored) && (err == nil || err == io.EOF) {
		err = fmt.Errorf("opfs: read: %w: the file has no bytes from %d on: %w", ErrLost, at+int64(n), io.ErrUnexpectedEOF)
	}
	return err
}

// WriteAt writes as io.WriterAt does, later if it can. An error may be about an earlier write.
func (f *file) WriteAt(p []byte, at int64) (int, error) {
	if f.broken != nil || len(p) == 0 {
		return 0, f.broken
	}
	if f.written != nil {
		f.written(at)
	}
	if at == 0 {
		f.ended = 0 // another log
	}
	if !f.buffer.fits(f, p, at) {
		if err := f.makeWay(); err != nil {
			return 0, err
		}
	}
	if len(p) > maxWriteBytes {
		if err := f.store(p, at); err != nil {
			return 0, err
		}
	} else {
		f.buffer.add(f, p, at)
	}
	if f.endsTransaction != nil && f.endsTransaction(p, at) {
		f.ended = at + int64(len(p))
		if err := f.drain(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// makeWay empties the buffer for a write of this file. Of another file it holds what SQLite will not ask about any more.
func (f *file) makeWay() error {
	if other := f.buffer.file; other != nil && other != f {
		return other.settle()
	}
	return f.drain()
}

// drain sends out what is pending of this file. After a failure it is gone: the file is as the handle has it.
func (f *file) drain() error {
	if f.broken != nil {
		return f.broken
	}
	return f.store(f.buffer.take(f))
}

// settle is drain for a caller that has already been promised what is pending: a failure breaks the file.
func (f *file) settle() error {
	if f.broken != nil {
		return f.broken
	}
	err := f.drain()
	if err != nil {
		f.broken = fmt.Errorf("%w: a write that was promised has failed: %w", ErrLost, err)
	}
	return err
}

// store writes to the handle.
func (f *file) store(p []byte, at int64) error {
	if len(p) == 0 {
		return nil
	}
	f.dirty = true
	f.ahead.forget(at, len(p))
	if _, err := f.handle.WriteAt(p, at); err != nil {
		return f.failed(err)
	}
	f.stored = max(f.stored, at+int64(len(p)))
	return nil
}

// failed finds out how large the file is after a failure, for nobody else says.
func (f *file) failed(err error) error {
	size, sizeErr := f.handle.Size()
	if sizeErr != nil {
		f.broken = fmt.Errorf("%w: %w", ErrLost, err)
	}
	f.stored = size
	return err
}

// Truncate makes the file shorter, or longer by zeros.
func (f *file) Truncate(size int64) error {
	if f.broken != nil {
		return f.broken
	}
	if f.written != nil {
		f.written(size)
	}
	f.ended = min(f.ended, size)
	if err := f.makeWay(); err != nil {
		return err
	}
	if size == f.stored {
		return nil
	}
	f.dirty = true
	f.ahead.forgetAll()
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
	if err := f.handle.Sync(); err != nil {
		return err
	}
	f.dirty = false
	return nil
}

// Close ends SQLite's use of the file. The handle stays open: it is the pool's.
func (f *file) Close() error { return f.settle() }

// empty makes the file what a file is that was deleted.
func (f *file) empty() error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	return f.Sync()
}

// leave settles, syncs and closes the handle, whatever fails on the way; it returns the first failure.
func (f *file) leave() error {
	err := f.Sync()
	if closeErr := f.handle.Close(); err == nil {
		err = closeErr
	}
	f.broken = errClosed
	return err
}
