package opfs

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

func resized(p []byte, size int) []byte {
	if size <= len(p) {
		return p[:size]
	}
	return append(p, make([]byte, size-len(p))...)
}

func compareRead(f sqlite.File, plain []byte, at int64, size int) error {
	got := bytes.Repeat([]byte{0xee}, size) // what is read overwrites it
	n, err := f.ReadAt(got, at)
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
