package opfs

import (
	"errors"
	"slices"
	"testing"
)

// disk is the files of a pool, in memory. It can fail.
type disk struct {
	handles [len(fileNames)]*fakeHandle
	calls   int
	writes  int
	// fault, if any, is asked before each call, which is the number-th. Of a write that fails, written bytes go out.
	fault func(number int, op string) (written int, err error)
}

var errFake = errors.New("the disk has said no")

// errQuota is what a browser says when the origin's quota is used up.
var errQuota = &Error{Op: "write", Name: "QuotaExceededError", Message: "no space is left"}

func newDisk() *disk {
	d := new(disk)
	for i := range d.handles {
		d.handles[i] = &fakeHandle{disk: d}
	}
	return d
}

// open opens the files as a new worker would.
func (d *disk) open() (*Pool, error) {
	var handles [len(fileNames)]Handle
	for i, h := range d.handles {
		h.closed = false
		handles[i] = h
	}
	return newPool("fake", handles)
}

// fakeHandle is a file of a disk.
type fakeHandle struct {
	disk    *disk
	data    []byte
	flushed []byte
	closed  bool
}

func (h *fakeHandle) call(op string) (written int, err error) {
	if h.closed {
		return 0, &Error{Op: op, Name: "InvalidStateError", Message: "the handle is closed"}
	}
	h.disk.calls++
	if h.disk.fault == nil {
		return 0, nil
	}
	return h.disk.fault(h.disk.calls, op)
}

func (h *fakeHandle) ReadAt(p []byte, at int64) (int, error) {
	if _, err := h.call("read"); err != nil {
		return 0, err
	}
	if at >= int64(len(h.data)) {
		return 0, nil
	}
	return copy(p, h.data[at:]), nil
}

// WriteAt writes all, or as much as the fault says.
func (h *fakeHandle) WriteAt(p []byte, at int64) (int, error) {
	h.disk.writes++
	written, err := h.call("write")
	if err != nil || written > 0 {
		p = p[:min(written, len(p))]
	}
	if len(p) > 0 {
		h.resize(max(int64(len(h.data)), at+int64(len(p))))
		copy(h.data[at:], p)
	}
	if err != nil {
		return 0, err // a browser does not say how much
	}
	return len(p), nil
}

func (h *fakeHandle) resize(size int64) {
	if more := size - int64(len(h.data)); more > 0 {
		h.data = append(h.data, make([]byte, more)...)
	}
	h.data = h.data[:size]
}

func (h *fakeHandle) Truncate(size int64) error {
	_, err := h.call("truncate")
	if err == nil {
		h.resize(size)
	}
	return err
}

func (h *fakeHandle) Flush() error {
	_, err := h.call("flush")
	if err == nil {
		h.flushed = slices.Clone(h.data)
	}
	return err
}

func (h *fakeHandle) Size() (int64, error) {
	_, err := h.call("size")
	return int64(len(h.data)), err
}

func (h *fakeHandle) Close() error {
	_, err := h.call("close")
	h.closed = true
	return err
}

// newTestFile is a file on a disk of its own.
func newTestFile(t testing.TB) (*file, *fakeHandle) {
	t.Helper()
	h := newDisk().handles[0]
	f, err := newFile(h)
	if err != nil {
		t.Fatal(err)
	}
	return f, h
}
