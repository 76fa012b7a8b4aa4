package millpond

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// A SortedMap is a map, whatever happens to it, and no change of it is seen in an older one.
func TestSortedMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	type version struct {
		got  SortedMap[int]
		want map[string]int
	}
	now := version{want: map[string]int{}}
	kept := []version{now}
	for i := range 6000 {
		key := fmt.Sprint(rnd.IntN(2500))
		next := version{want: maps.Clone(now.want)}
		if grows := i < 4000; rnd.IntN(4) > 0 == grows {
			next.want[key] = i
			next.got = now.got.With(key, i)
		} else {
			delete(next.want, key)
			next.got = now.got.Without(key)
		}
		if now = next; i%500 == 0 {
			kept = append(kept, now)
		}
	}
	for _, v := range append(kept, now) {
		checkSorted(t, v.got, v.want)
	}
	for key := range now.want {
		now.got = now.got.Without(key)
	}
	checkSorted(t, now.got, nil)
}

func checkSorted(t *testing.T, got SortedMap[int], want map[string]int) {
	t.Helper()
	if got.Len() != len(want) {
		t.Errorf("%d entries, want %d", got.Len(), len(want))
	}
	var keys []string
	for key, value := range got.All() {
		keys = append(keys, key)
		if again, ok := got.Get(key); !ok || again != value || want[key] != value {
			t.Errorf("%s: %d, or %d, want %d", key, value, again, want[key])
		}
	}
	if sorted := slices.Sorted(maps.Keys(want)); !slices.Equal(keys, sorted) {
		t.Errorf("got %d keys %.200q, want %d", len(keys), keys, len(sorted))
	}
	for _, chunk := range got.chunks {
		if len(chunk) == 0 || len(chunk) > maxSortedChunk {
			t.Errorf("a chunk of %d", len(chunk))
		}
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var back SortedMap[int]
	if err := json.Unmarshal(text, &back); err != nil || !maps.Equal(maps.Collect(back.All()), maps.Collect(got.All())) {
		t.Errorf("not read back: %v", err)
	}
}

// S11: a state with many children is folded in small steps: an insert allocates a small part of what all are.
func TestSortedMapIsCheap(t *testing.T) {
	var s PathSet
	const n = 20_000
	path := func(i int) string { return fmt.Sprintf("/%05d", i*7919%n) }
	for i := range n {
		s = s.With(path(i))
	}
	if s.Len() != n || !s.Has(path(5)) || s.Has("/x") {
		t.Fatalf("%d paths", s.Len())
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		s.With("/x")
	}
	runtime.ReadMemStats(&after)
	last := int64(after.TotalAlloc-before.TotalAlloc) / 100
	if all := int64(n * 16); last > all/10 {
		t.Errorf("adding one of %d paths allocates %d bytes, all are %d", n, last, all)
	}
}
