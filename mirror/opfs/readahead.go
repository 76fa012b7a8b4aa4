package opfs

import (
	"io"
	"slices"
)

// readAhead reads more than it was asked for while a file is read on and on, as scans and the recovery of a log do. What
// it keeps is always what the handle has: what is pending for it comes on top.
type readAhead struct {
	at   int64
	data []byte
	end  int64 // of the last read: one that goes on from there is a scan
}

// read is handle.ReadAt on a handle with size bytes.
func (r *readAhead) read(handle io.ReaderAt, p []byte, at, size int64) (int, error) {
	scan := r.end <= at && at < r.end+maxReadAheadBytes // leaving out a little is going on
	r.end = at + int64(len(p))
	if r.at <= at && r.end <= r.at+int64(len(r.data)) {
		return copy(p, r.data[at-r.at:]), nil
	}
	if !scan || len(p) >= maxReadAheadBytes {
		return handle.ReadAt(p, at)
	}
	r.data = slices.Grow(r.data[:0], maxReadAheadBytes)[:min(maxReadAheadBytes, size-at)]
	n, err := handle.ReadAt(r.data, at)
	r.at, r.data = at, r.data[:n]
	return copy(p, r.data), err
}

// forget drops what was read, if some of the bytes are among it.
func (r *readAhead) forget(at int64, length int) {
	if at < r.at+int64(len(r.data)) && r.at < at+int64(length) {
		r.forgetAll()
	}
}

func (r *readAhead) forgetAll() { r.data = r.data[:0] }
