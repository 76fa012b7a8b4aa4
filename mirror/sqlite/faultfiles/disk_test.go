package faultfiles

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

func open(t testing.TB, d *Disk, name string) sqlite.File {
	t.Helper()
	f, err := d.Open(name, sqlite.WALFile)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t testing.TB, f sqlite.File, data string, at int64) {
	t.Helper()
	if n, err := f.WriteAt([]byte(data), at); n != len(data) || err != nil {
		t.Fatalf("write: %d, %v", n, err)
	}
}

func TestFile(t *testing.T) {
	d := New()
	f := open(t, d, "f")
	write(t, f, "cd", 2)
	write(t, f, "AB", 0)
	p := make([]byte, 3)
	if n, err := f.ReadAt(p, 0); n != 3 || err != nil || string(p) != "ABc" {
		t.Errorf("read %q, %v", p[:n], err)
	}
	if n, err := f.ReadAt(p, 2); n != 2 || err != io.EOF || string(p[:n]) != "cd" {
		t.Errorf("read %q, %v", p[:n], err)
	}
	if err := errors.Join(f.Truncate(1), f.Truncate(3)); err != nil {
		t.Fatal(err)
	}
	if size, err := f.Size(); size != 3 || err != nil || string(d.Bytes("f")) != "A\x00\x00" {
		t.Errorf("%d bytes, %q, %v", size, d.Bytes("f"), err)
	}
	if err := errors.Join(f.Close(), d.Delete("f"), d.Delete("f")); err != nil {
		t.Fatal(err)
	}
	if exists, err := d.Exists("f"); exists || err != nil {
		t.Errorf("a deleted file exists: %t, %v", exists, err)
	}
	if err := f.Sync(); !errors.Is(err, ErrClosed) {
		t.Errorf("sync of a closed file: %v", err)
	}
}

func TestFaults(t *testing.T) {
	d := New()
	f := open(t, d, "f") // the first call
	d.Fault = Of(Write, At(2, ErrFault))
	write(t, f, "one", 0)
	if n, err := f.WriteAt([]byte("two"), 3); n != 0 || err != ErrFault {
		t.Errorf("the second write: %d, %v", n, err)
	}
	d.Fault = Torn(2, From(4, sqlite.Full))
	if n, err := f.WriteAt([]byte("three"), 3); n != 2 || err != sqlite.Full || string(d.Bytes("f")) != "oneth" {
		t.Errorf("a torn write: %d, %v, %q", n, err, d.Bytes("f"))
	}
	if err := f.Truncate(0); err != sqlite.Full || string(d.Bytes("f")) != "oneth" {
		t.Errorf("truncate: %v, %q", err, d.Bytes("f"))
	}
	d.Fault = Between(7, 8, ErrFault)
	for number, want := range []error{6: nil, 7: ErrFault, 8: ErrFault, 9: nil} {
		if number < 6 {
			continue
		}
		if err := f.Sync(); err != want {
			t.Errorf("call %d: %v", number, err)
		}
	}
	if d.Calls() != 9 || d.CallsOf(Write) != 3 || d.CallsOf(Sync) != 4 {
		t.Errorf("%d calls, %d writes, %d syncs", d.Calls(), d.CallsOf(Write), d.CallsOf(Sync))
	}
}

func TestLimit(t *testing.T) {
	d := New()
	d.Limit = 10
	f, g := open(t, d, "f"), open(t, d, "g")
	write(t, f, "12345678", 0)
	if n, err := g.WriteAt([]byte("abc"), 0); n != 2 || !errors.Is(err, sqlite.Full) || string(d.Bytes("g")) != "ab" {
		t.Errorf("over the limit: %d, %v, %q", n, err, d.Bytes("g"))
	}
	write(t, f, "87654321", 0) // it needs no room
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	write(t, g, "abc", 0)
}

// One connection has the database; the death of its process lets the next in.
func TestKill(t *testing.T) {
	d := New()
	f, err := d.Open("db", sqlite.DatabaseFile)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, "written", 0)
	if _, err := d.Open("db", sqlite.DatabaseFile); !errors.Is(err, sqlite.Busy) {
		t.Errorf("opened twice: %v", err)
	}
	d.Kill()
	if _, err := f.WriteAt([]byte("late"), 0); !errors.Is(err, ErrClosed) {
		t.Errorf("a write of the dead: %v", err)
	}
	if got := d.Bytes("db"); string(got) != "written" {
		t.Errorf("the file has %q", got)
	}
	if _, err := d.Open("db", sqlite.DatabaseFile); err != nil {
		t.Error(err)
	}
	_ = f.Close() // must not close the file of the next
	if _, err := d.Open("db", sqlite.DatabaseFile); !errors.Is(err, sqlite.Busy) {
		t.Errorf("opened twice: %v", err)
	}
}

// A power cut takes nothing that was synced, and of the rest all that it may: everything, whole writes, sectors, order.
func TestCut(t *testing.T) {
	const size = 4 * sectorBytes
	seen := make(map[string]int)
	for seed := range uint64(200) {
		d := New()
		f := open(t, d, "f")
		write(t, f, string(bytes.Repeat([]byte("s"), 2*size)), 0)
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		write(t, f, string(bytes.Repeat([]byte("1"), size)), 0)
		write(t, f, string(bytes.Repeat([]byte("2"), size)), size+100)
		if string(d.Synced("f")) != string(bytes.Repeat([]byte("s"), 2*size)) {
			t.Fatal("a write counts as synced")
		}
		d.Cut(rand.New(rand.NewPCG(seed, 0)))
		got := d.Bytes("f")
		if !bytes.Equal(got[size:size+100], bytes.Repeat([]byte("s"), 100)) {
			t.Fatalf("seed %d: bytes between the writes have changed", seed)
		}
		ones, twos := bytes.Count(got, []byte("1")), bytes.Count(got, []byte("2"))
		for what, is := range map[string]bool{
			"nothing": ones+twos == 0 && len(got) == 2*size, "all": ones == size && twos == size, "the later only": ones == 0 && twos > 0,
			"a torn one": ones > 0 && ones < size, "garbage": len(got) > 2*size && bytes.Count(got[2*size:], []byte("2"))+bytes.Count(got[2*size:], []byte{0}) < 100,
			"a hole": len(got) > 2*size && got[2*size] == 0,
		} {
			if is {
				seen[what]++
			}
		}
	}
	for _, what := range []string{"nothing", "all", "the later only", "a torn one", "garbage", "a hole"} {
		if seen[what] == 0 {
			t.Errorf("never seen in 200 cuts: %s", what)
		}
	}
	d := New()
	write(t, open(t, d, "f"), "unsynced", 0)
	d.Cut(nil)
	if got := d.Bytes("f"); len(got) != 0 {
		t.Errorf("a cut without luck leaves %q", got)
	}
}
