package opfs

import (
	"io"
	"unsafe"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// handle is an open FileSystemSyncAccessHandle: its number in the table of opfs.js.
type handle int32

var _ sqlite.File = handle(0)

// The import functions cost as little as a call can. They answer a negative number for an exception, which failure tells.
// Offsets are float64, which is exact up to 2^53.

//go:wasmimport opfs read
//go:noescape
func opfsRead(h int32, p unsafe.Pointer, n int32, at float64) int32

//go:wasmimport opfs write
//go:noescape
func opfsWrite(h int32, p unsafe.Pointer, n int32, at float64) int32

//go:wasmimport opfs truncate
func opfsTruncate(h int32, size float64) int32

//go:wasmimport opfs flush
func opfsFlush(h int32) int32

//go:wasmimport opfs size
func opfsSize(h int32) float64

//go:wasmimport opfs close
func opfsClose(h int32) int32

func (h handle) ReadAt(p []byte, at int64) (int, error) {
	n := opfsRead(int32(h), unsafe.Pointer(unsafe.SliceData(p)), int32(len(p)), float64(at))
	switch {
	case n < 0:
		return 0, failure("read")
	case int(n) < len(p):
		return int(n), io.EOF
	}
	return int(n), nil
}

func (h handle) WriteAt(p []byte, at int64) (int, error) { return writeAll(h.write, p, at) }

// write writes all of p, or less.
func (h handle) write(p []byte, at int64) (int, error) {
	n := opfsWrite(int32(h), unsafe.Pointer(unsafe.SliceData(p)), int32(len(p)), float64(at))
	if n < 0 {
		return 0, failure("write")
	}
	return int(n), nil
}

func (h handle) Truncate(size int64) error {
	return outcome("truncate", opfsTruncate(int32(h), float64(size)))
}

func (h handle) Sync() error  { return outcome("flush", opfsFlush(int32(h))) }
func (h handle) Close() error { return outcome("close", opfsClose(int32(h))) }

func (h handle) Size() (int64, error) {
	size := opfsSize(int32(h))
	if size < 0 {
		return 0, failure("size")
	}
	return int64(size), nil
}

func outcome(op string, code int32) error {
	if code < 0 {
		return failure(op)
	}
	return nil
}

// failure is the exception of the import function that has just failed.
func failure(op string) error { return jsError(op, promises().Get("failure")) }
