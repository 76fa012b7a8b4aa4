package opfs

import (
	"errors"
	"io"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// Contiguous writes go out as one, within the bound.
func TestFileCoalesces(t *testing.T) {
	f, d := newTestFile(t)
	const page = 4096
	for i := range 100 {
		mustWrite(t, f, make([]byte, page), int64(i*page))
	}
	if d.CallsOf(faultfiles.Write) != 1 || len(d.Bytes("f")) != maxWriteBytes {
		t.Errorf("%d writes of %d bytes before anything asks for them", d.CallsOf(faultfiles.Write), len(d.Bytes("f")))
	}
	mustWrite(t, f, make([]byte, page), 50*page) // not contiguous: it is before what is pending
	if d.CallsOf(faultfiles.Write) != 2 || len(d.Bytes("f")) != 100*page {
		t.Errorf("%d writes, %d bytes after a write elsewhere", d.CallsOf(faultfiles.Write), len(d.Bytes("f")))
	}
	mustWrite(t, f, make([]byte, page), 50*page) // over what is pending
	if d.CallsOf(faultfiles.Write) != 2 {
		t.Errorf("%d writes after a write over what is pending", d.CallsOf(faultfiles.Write))
	}
	mustWrite(t, f, make([]byte, 2*maxWriteBytes), 0)
	if d.CallsOf(faultfiles.Write) != 4 {
		t.Errorf("%d writes after one over the bound", d.CallsOf(faultfiles.Write))
	}
	if most := cap(f.buffer.data); most > 2*maxWriteBytes {
		t.Errorf("the buffer has grown to %d bytes", most)
	}
}

// Nothing is synced twice.
func TestFileSync(t *testing.T) {
	f, d := newTestFile(t)
	mustWrite(t, f, []byte("x"), 0)
	for range 3 {
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	if writes, syncs := d.CallsOf(faultfiles.Write), d.CallsOf(faultfiles.Sync); writes != 1 || syncs != 1 {
		t.Errorf("%d writes, %d syncs", writes, syncs)
	}
	d.Fault = faultfiles.Of(faultfiles.Sync, faultfiles.Always(faultfiles.ErrFault))
	mustWrite(t, f, []byte("y"), 0)
	for range 2 {
		if err := f.Sync(); !errors.Is(err, faultfiles.ErrFault) { // it is not synced, so the next Sync may not say that it is
			t.Errorf("Sync when it fails below: %v", err)
		}
	}
}

// A write that fails is told by the call that sends it out, and is gone; the file goes on.
func TestFileFailedWrite(t *testing.T) {
	f, d := newTestFile(t)
	mustWrite(t, f, []byte("kept"), 0)
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	for _, send := range []func() error{
		f.drain,
		f.Sync,
		func() error { return f.Truncate(0) },
		func() error { _, err := f.WriteAt([]byte("elsewhere"), 1000); return err },
	} {
		mustWrite(t, f, []byte("lost"), 4)
		d.Fault = faultfiles.Torn(2, writesFail(errQuota))
		if err := send(); !errors.Is(err, ErrFull) {
			t.Errorf("the failure is not told: %v", err)
		}
		d.Fault = nil
		if err := compareRead(f, []byte("keptlo"), 0, 6); err != nil { // two bytes went out
			t.Error(err)
		}
	}
	mustWrite(t, f, []byte("next"), 4)
	if err := f.Sync(); err != nil || string(d.Bytes("f")) != "keptnext" {
		t.Errorf("%q, %v", d.Bytes("f"), err)
	}
}

// A file that nothing can be said about any more, or has lost what was promised, fails for ever.
func TestFileBroken(t *testing.T) {
	for name, breakIt := range map[string]func(f, other *file, d *faultfiles.Disk) error{
		"no size after a failure": func(f, _ *file, d *faultfiles.Disk) error {
			d.Fault = faultfiles.Always(faultfiles.ErrFault)
			return f.drain()
		},
		"lost after the promise": func(f, _ *file, d *faultfiles.Disk) error {
			d.Fault = writesFail(faultfiles.ErrFault)
			return f.settle()
		},
		"lost by a write to another": func(_, other *file, d *faultfiles.Disk) error {
			d.Fault = writesFail(faultfiles.ErrFault)
			_, err := other.WriteAt([]byte("x"), 0)
			return err
		},
		"lost by the truncation of another": func(_, other *file, d *faultfiles.Disk) error {
			d.Fault = writesFail(faultfiles.ErrFault)
			return other.Truncate(0)
		},
	} {
		f, d := newTestFile(t)
		other := openTestFile(t, d, "other", f.buffer)
		mustWrite(t, f, []byte("lost"), 0)
		if err := breakIt(f, other, d); !errors.Is(err, faultfiles.ErrFault) {
			t.Errorf("%s: %v", name, err)
		}
		d.Fault = nil
		_, readErr := f.ReadAt(make([]byte, 4), 0)
		_, writeErr := f.WriteAt([]byte("x"), 0)
		for call, err := range map[string]error{"read": readErr, "write": writeErr, "sync": f.Sync(), "truncate": f.Truncate(0)} {
			if !errors.Is(err, faultfiles.ErrFault) {
				t.Errorf("%s: %s of the broken file: %v", name, call, err)
			}
		}
		mustWrite(t, other, []byte("the other goes on"), 0)
		if err := other.Sync(); err != nil {
			t.Errorf("%s: the other file: %v", name, err)
		}
	}
}

// A file that has become shorter behind our back is not read as zeros.
func TestFileShrunk(t *testing.T) {
	f, d := newTestFile(t)
	mustWrite(t, f, make([]byte, 100), 0)
	if err := f.drain(); err != nil {
		t.Fatal(err)
	}
	if err := f.handle.Truncate(10); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second could be answered by what was read ahead
		if _, err := f.ReadAt(make([]byte, 50), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	}
	if got := len(d.Bytes("f")); got != 10 {
		t.Errorf("%d bytes", got)
	}
}

// What a browser writes in parts is written as a whole, or fails.
func TestWriteAll(t *testing.T) {
	var got []byte
	parts := func(p []byte, at int64) (int, error) {
		n := min(3, len(p))
		got = append(got[:at], p[:n]...)
		return n, nil
	}
	if n, err := writeAll(parts, []byte("abcdefgh"), 0); n != 8 || err != nil || string(got) != "abcdefgh" {
		t.Errorf("%d, %v, %q", n, err, got)
	}
	nothing := func([]byte, int64) (int, error) { return 0, nil }
	if n, err := writeAll(nothing, []byte("abc"), 0); n != 0 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%d, %v", n, err)
	}
}
