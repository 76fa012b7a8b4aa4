//go:build js && !gosqlite

package sqlite

import "sync"

// linkedTable numbers what SQLite is to name when it calls: it cannot hold Go's pointers. A number is never given again
// while SQLite may know it.
type linkedTable[T any] struct {
	mu      sync.Mutex
	entries []T // from number 1 on
	free    []int32
}

// What SQLite names in callbacks.
var (
	linkedConns     linkedTable[*linkedConn]
	linkedSets      linkedTable[*linkedFiles]
	linkedOpenFiles linkedTable[*linkedFile]
)

func (t *linkedTable[T]) place(entry T) int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.free); n > 0 {
		number := t.free[n-1]
		t.free = t.free[:n-1]
		t.entries[number-1] = entry
		return number
	}
	t.entries = append(t.entries, entry)
	return int32(len(t.entries))
}

func (t *linkedTable[T]) remove(number int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var none T
	t.entries[number-1] = none
	t.free = append(t.free, number)
}

// get finds an entry; none has the number 0. It takes no lock: there is one thread, which does not change goroutines in here.
func (t *linkedTable[T]) get(number int32) (entry T) {
	if number > 0 {
		entry = t.entries[number-1]
	}
	return entry
}
