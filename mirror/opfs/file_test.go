package opfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// A file behaves as a plain array of bytes does, whatever is pending.
func TestFileRandom(t *testing.T) {
	for range 100 {
		seed := rand.Uint64()
		if err := compareWithPlain(t, rand.New(rand.NewPCG(seed, 0))); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func compareWithPlain(t *testing.T, r *rand.Rand) error {
	file, handle := newTestFile(t)
	handle.disk.fault = func(_ int, op string) (int, error) { return r.IntN(2) * r.IntN(3000), nil } // short writes
	plain := &fakeHandle{disk: newDisk()}
	last := int64(0) // where the last write ended
	for step := range 300 {
		at, size := int64(r.IntN(20_000)), r.IntN(5000)
		if r.IntN(2) == 0 {
			at = last // contiguous, as most of SQLite's writes
		}
		switch op := r.IntN(10); {
		case op < 5:
			p := randomBytes(r, size)
			if n, err := file.WriteAt(p, at); n != size || err != nil {
				return fmt.Errorf("step %d: write: %d, %v", step, n, err)
			}
			plain.WriteAt(p, at)
			last = at + int64(size)
		case op < 8:
			if err := compareRead(file, plain.data, at, size); err != nil {
				return fmt.Errorf("step %d: %w", step, err)
			}
		case op == 8:
			if err := errors.Join(file.Truncate(at), plain.Truncate(at)); err != nil {
				return err
			}
		default:
			if err := file.Sync(); err != nil {
				return err
			}
			if !bytes.Equal(handle.flushed, plain.data) {
				return fmt.Errorf("step %d: the flushed file is another", step)
			}
		}
		if file.size() != int64(len(plain.data)) {
			return fmt.Errorf("step %d: size %d, not %d", step, file.size(), len(plain.data))
		}
	}
	if err := file.close(); err != nil || !bytes.Equal(handle.flushed, plain.data) {
		return fmt.Errorf("after close: the file is another, or %v", err)
	}
	return nil
}

func compareRead(file *file, plain []byte, at int64, size int) error {
	got := bytes.Repeat([]byte{0xee}, size) // what is read overwrites it
	n, err := file.ReadAt(got, at)
	want := plain[min(at, int64(len(plain))):min(at+int64(size), int64(len(plain)))]
	if !bytes.Equal(got[:n], want) || (n < size) != (err == io.EOF) || (err != nil && err != io.EOF) {
		return fmt.Errorf("read of %d at %d: %d bytes, %v, want %d", size, at, n, err, len(want))
	}
	return nil
}

// randomBytes are bytes that differ from one call to the next, and from their neighbours.
func randomBytes(r *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i, b := 0, byte(r.Uint32()); i < n; i++ {
		p[i] = b + byte(i*7)
	}
	return p
}

// Contiguous writes go out as one, within the bound.
func TestFileCoalesces(t *testing.T) {
	file, handle := newTestFile(t)
	const page = 4096
	for i := range 100 {
		mustWrite(t, file, make([]byte, page), int64(i*page))
	}
	if handle.disk.writes != 1 || len(handle.data) != maxWriteBytes {
		t.Errorf("%d writes of %d bytes before anything asks for them", handle.disk.writes, len(handle.data))
	}
	mustWrite(t, file, make([]byte, page), 50*page) // not contiguous: it is before what is pending
	if handle.disk.writes != 2 || len(handle.data) != 100*page {
		t.Errorf("%d writes, %d bytes after a write elsewhere", handle.disk.writes, len(handle.data))
	}
	mustWrite(t, file, make([]byte, page), 50*page) // over what is pending
	if handle.disk.writes != 2 {
		t.Errorf("%d writes after a write over what is pending", handle.disk.writes)
	}
	mustWrite(t, file, make([]byte, 2*maxWriteBytes), 0)
	if handle.disk.writes != 4 {
		t.Errorf("%d writes after one over the bound", handle.disk.writes)
	}
}

// Nothing is flushed twice.
func TestFileSync(t *testing.T) {
	file, handle := newTestFile(t)
	mustWrite(t, file, []byte("x"), 0)
	for range 3 {
		if err := file.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if calls := handle.disk.calls; calls != 3 { // size, write, flush
		t.Errorf("%d calls", calls)
	}
	handle.disk.fault = func(_ int, op string) (int, error) {
		if op == "flush" {
			return 0, errFake
		}
		return 0, nil
	}
	mustWrite(t, file, []byte("y"), 0)
	for range 2 {
		if err := file.Sync(); !errors.Is(err, errFake) { // it is not flushed, so the next Sync may not say that it is
			t.Errorf("Sync when the flush fails: %v", err)
		}
	}
}

// A write that fails is told by the call that sends it out, and is gone; the file goes on.
func TestFileFailedWrite(t *testing.T) {
	file, handle := newTestFile(t)
	mustWrite(t, file, []byte("kept"), 0)
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	for _, send := range []func() error{
		file.drain,
		file.Sync,
		func() error { return file.Truncate(0) },
		func() error { _, err := file.WriteAt([]byte("elsewhere"), 1000); return err },
	} {
		mustWrite(t, file, []byte("lost"), 4)
		handle.disk.fault = onlyWrites(func(int, string) (int, error) { return 2, errQuota })
		if err := send(); !errors.Is(err, ErrFull) {
			t.Errorf("the failure is not told: %v", err)
		}
		handle.disk.fault = nil
		if err := compareRead(file, []byte("keptlo"), 0, 6); err != nil { // two bytes went out
			t.Error(err)
		}
	}
	mustWrite(t, file, []byte("next"), 4)
	if err := file.Sync(); err != nil || string(handle.data) != "keptnext" {
		t.Errorf("%q, %v", handle.data, err)
	}
}

func onlyWrites(fault func(int, string) (int, error)) func(int, string) (int, error) {
	return func(n int, op string) (int, error) {
		if op != "write" {
			return 0, nil
		}
		return fault(n, op)
	}
}

// A file that nothing can be said about any more, or has lost what was promised, fails for ever.
func TestFileBroken(t *testing.T) {
	for name, breakIt := range map[string]func(*file, *disk) error{
		"no size after a failure": func(f *file, d *disk) error {
			d.fault = func(int, string) (int, error) { return 0, errFake }
			return f.drain()
		},
		"lost after the promise": func(f *file, d *disk) error {
			d.fault = onlyWrites(func(int, string) (int, error) { return 0, errFake })
			return f.settle()
		},
	} {
		file, handle := newTestFile(t)
		mustWrite(t, file, []byte("lost"), 0)
		if err := breakIt(file, handle.disk); !errors.Is(err, errFake) {
			t.Errorf("%s: %v", name, err)
		}
		handle.disk.fault = nil
		_, readErr := file.ReadAt(make([]byte, 4), 0)
		_, writeErr := file.WriteAt([]byte("x"), 0)
		for call, err := range map[string]error{"read": readErr, "write": writeErr, "sync": file.Sync(), "truncate": file.Truncate(0)} {
			if !errors.Is(err, errFake) {
				t.Errorf("%s: %s of the broken file: %v", name, call, err)
			}
		}
	}
}

// A file that has become shorter behind our back is not read as zeros.
func TestFileShrunk(t *testing.T) {
	file, handle := newTestFile(t)
	mustWrite(t, file, make([]byte, 100), 0)
	if err := file.drain(); err != nil {
		t.Fatal(err)
	}
	handle.data = handle.data[:10]
	if _, err := file.ReadAt(make([]byte, 50), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func mustWrite(t testing.TB, f *file, p []byte, at int64) {
	t.Helper()
	if n, err := f.WriteAt(p, at); n != len(p) || err != nil {
		t.Fatalf("write: %d, %v", n, err)
	}
}
