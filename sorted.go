package millpond

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"
)

// maxSortedChunk bounds the entries of one chunk of a [SortedMap].
const maxSortedChunk = 256

// SortedMap is an immutable map with its keys in order: With and Without leave the map that they are called on as it
// was. The zero value is empty. A change of a map of n entries copies two small parts of it, not all of it, so that a
// state with many children or connections stays cheap to fold. It is JSON as an object.
type SortedMap[V any] struct {
	chunks [][]sortedEntry[V] // none is empty; none is ever changed
	n      int
}

type sortedEntry[V any] struct {
	key   string
	value V
}

// Len is how many entries the map has.
func (m SortedMap[V]) Len() int { return m.n }

// Get is the value of the key.
func (m SortedMap[V]) Get(key string) (value V, ok bool) {
	c, i, ok := m.find(key)
	if !ok {
		return value, false
	}
	return m.chunks[c][i].value, true
}

// All are the entries, by key.
func (m SortedMap[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, chunk := range m.chunks {
			for _, e := range chunk {
				if !yield(e.key, e.value) {
					return
				}
			}
		}
	}
}

// With is the map with the key's value set.
func (m SortedMap[V]) With(key string, value V) SortedMap[V] {
	c, i, there := m.find(key)
	if c == len(m.chunks) { // only when it is empty
		return SortedMap[V]{chunks: [][]sortedEntry[V]{{{key, value}}}, n: 1}
	}
	old := m.chunks[c]
	chunk := make([]sortedEntry[V], 0, len(old)+1)
	chunk = append(append(chunk, old[:i]...), sortedEntry[V]{key, value})
	if there {
		return SortedMap[V]{chunks: m.replace(c, append(chunk, old[i+1:]...)), n: m.n}
	}
	chunk = append(chunk, old[i:]...)
	if len(chunk) <= maxSortedChunk {
		return SortedMap[V]{chunks: m.replace(c, chunk), n: m.n + 1}
	}
	half := len(chunk) / 2
	return SortedMap[V]{chunks: m.replace(c, chunk[:half:half], chunk[half:]), n: m.n + 1}
}

// Without is the map without the key.
func (m SortedMap[V]) Without(key string) SortedMap[V] {
	c, i, there := m.find(key)
	if !there {
		return m
	}
	old := m.chunks[c]
	if m.n == 1 {
		return SortedMap[V]{}
	}
	if len(old) == 1 {
		return SortedMap[V]{chunks: m.replace(c), n: m.n - 1}
	}
	chunk := append(append(make([]sortedEntry[V], 0, len(old)-1), old[:i]...), old[i+1:]...)
	return SortedMap[V]{chunks: m.replace(c, chunk), n: m.n - 1}
}

// find is where the key is, or would be inserted.
func (m SortedMap[V]) find(key string) (chunk, i int, ok bool) {
	if len(m.chunks) == 0 {
		return 0, 0, false
	}
	c, found := slices.BinarySearchFunc(m.chunks, key, func(chunk []sortedEntry[V], key string) int {
		return strings.Compare(chunk[0].key, key)
	})
	if !found {
		c = max(c-1, 0) // the last one that begins before the key
	}
	i, ok = slices.BinarySearchFunc(m.chunks[c], key, func(e sortedEntry[V], key string) int {
		return strings.Compare(e.key, key)
	})
	return c, i, ok
}

// replace is a copy of the list of chunks with others in the place of one.
func (m SortedMap[V]) replace(c int, by ...[]sortedEntry[V]) [][]sortedEntry[V] {
	chunks := make([][]sortedEntry[V], 0, len(m.chunks)-1+len(by))
	chunks = append(append(chunks, m.chunks[:c]...), by...)
	return append(chunks, m.chunks[c+1:]...)
}

// MarshalJSON writes an object.
func (m SortedMap[V]) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for key, value := range m.All() {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(appendJSONString(b, key), ':'), text...)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads an object.
func (m *SortedMap[V]) UnmarshalJSON(text []byte) error {
	var object map[string]V
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	entries := make([]sortedEntry[V], 0, len(object))
	for key, value := range object {
		entries = append(entries, sortedEntry[V]{key, value})
	}
	*m = sortedOf(entries)
	return nil
}

// sortedOf is the map of the entries, of which no two have the same key.
func sortedOf[V any](entries []sortedEntry[V]) SortedMap[V] {
	slices.SortFunc(entries, func(a, b sortedEntry[V]) int { return strings.Compare(a.key, b.key) })
	m := SortedMap[V]{n: len(entries)}
	for chunk := range slices.Chunk(entries, maxSortedChunk) {
		m.chunks = append(m.chunks, chunk)
	}
	return m
}

// PathSet is an immutable set of paths in order. The zero value is empty. It is JSON as an array.
type PathSet struct{ paths SortedMap[struct{}] }

// Len is how many paths there are.
func (s PathSet) Len() int { return s.paths.Len() }

// Has reports whether the path is in the set.
func (s PathSet) Has(path string) bool { _, ok := s.paths.Get(path); return ok }

// All are the paths.
func (s PathSet) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for path := range s.paths.All() {
			if !yield(path) {
				return
			}
		}
	}
}

// With is the set with the path.
func (s PathSet) With(path string) PathSet {
	if s.Has(path) {
		return s
	}
	return PathSet{s.paths.With(path, struct{}{})}
}

// MarshalJSON writes an array.
func (s PathSet) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for path := range s.All() {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = appendJSONString(b, path)
	}
	return append(b, ']'), nil
}

// UnmarshalJSON reads an array.
func (s *PathSet) UnmarshalJSON(text []byte) error {
	var paths []string
	if err := json.Unmarshal(text, &paths); err != nil {
		return err
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	entries := make([]sortedEntry[struct{}], len(paths))
	for i, path := range paths {
		entries[i].key = path
	}
	s.paths = sortedOf(entries)
	return nil
}
