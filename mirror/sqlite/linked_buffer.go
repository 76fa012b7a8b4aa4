//go:build js && !gosqlite

package sqlite

import "github.com/millpond-dev/millpond/mirror/sqlite/linked"

// linkedBuffer is bytes in SQLite's memory that are used again. The zero value is empty.
type linkedBuffer struct {
	at  linked.Pointer
	cap int
}

// put copies s into the buffer, with a NUL behind it.
func (b *linkedBuffer) put(s string) (linked.Pointer, error) {
	if err := b.grow(len(s) + 1); err != nil {
		return 0, err
	}
	linked.CopyStringIn(b.at, s)
	linked.CopyIn(b.at+linked.Pointer(len(s)), nul[:])
	return b.at, nil
}

var nul [1]byte

// grow makes room for n bytes. What was there is gone.
func (b *linkedBuffer) grow(n int) error {
	if n <= b.cap {
		return nil
	}
	b.free()
	if n > linked.MaxMemoryBytes {
		return errNoMem
	}
	size := max(minBufferBytes, n+n/2)
	if b.at = linked.Malloc(int32(size)); b.at == 0 {
		return errNoMem
	}
	b.cap = size
	return nil
}

// trim frees what is too large to be kept.
func (b *linkedBuffer) trim() {
	if b.cap > maxKeptBufferBytes {
		b.free()
	}
}

func (b *linkedBuffer) free() {
	linked.Free(b.at) // which does nothing for 0
	*b = linkedBuffer{}
}
