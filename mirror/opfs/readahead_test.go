package opfs

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// readPages reads 1000 pages of a file of 100 windows, and tells what that takes below.
func readPages(t *testing.T, pages func(i int) int) (calls, bytes int) {
	t.Helper()
	const windows = 100
	d := faultfiles.New()
	data := randomBytes(rand.New(rand.NewPCG(1, 1)), windows*maxReadAheadBytes)
	d.Put("f", data)
	d.Fault = func(c faultfiles.Call) (int, error) {
		bytes += c.Bytes
		return 0, nil
	}
	f := openTestFile(t, d, "f", new(writeBuffer))
	for i := range 1000 {
		if err := compareRead(f, data, int64(pages(i))*pageBytes, pageBytes); err != nil {
			t.Fatal(err)
		}
	}
	return d.CallsOf(faultfiles.Read), bytes
}

const pageBytes = 4096

// A scan is read by windows, also when it leaves out a page here and there; single pages are read as they are asked for.
func TestReadAhead(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2)).Perm(1600)
	for name, c := range map[string]struct {
		page         func(i int) int
		calls, pages int // at most
	}{
		"scan":               {func(i int) int { return i }, 70, 1050},
		"scan with gaps":     {func(i int) int { return i + i/10 }, 80, 1150},
		"random":             {func(i int) int { return random[i] }, 1000, 1200},
		"the same page":      {func(int) int { return 3 }, 1, 16},
		"two scans in turns": {func(i int) int { return i/2 + i%2*800 }, 1000, 1050},
	} {
		if calls, bytes := readPages(t, c.page); calls > c.calls || bytes > c.pages*pageBytes {
			t.Errorf("%s: %d calls for %d pages, want at most %d and %d", name, calls, bytes/pageBytes, c.calls, c.pages)
		}
	}
}

// A failing read is told, and what it may have left is not used.
func TestReadAheadFails(t *testing.T) {
	d := faultfiles.New()
	d.Put("f", []byte("0123456789"))
	f := openTestFile(t, d, "f", new(writeBuffer))
	d.Fault = faultfiles.Of(faultfiles.Read, faultfiles.At(1, faultfiles.ErrFault))
	if _, err := f.ReadAt(make([]byte, 5), 0); !errors.Is(err, faultfiles.ErrFault) {
		t.Error(err)
	}
	if err := compareRead(f, []byte("0123456789"), 0, 5); err != nil {
		t.Error(err)
	}
}
