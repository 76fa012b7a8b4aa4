package stream

import (
	"errors"
	"testing"

	"github.com/millpond-dev/millpond"
)

// S7: what is read of an incarnation is never of another one, whether the stream is in memory or not.
func TestReadOfIncarnation(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, keyed("a", "k"), input("b")) // 3, 4
	check := func(what string) {
		t.Helper()
		at, err := h.Position(t.Context(), n)
		if err != nil || at.Offset < 4 {
			t.Fatalf("%s: %+v %v", what, at, err)
		}
		for _, offset := range []uint64{0, 3, at.Offset} {
			hash, err := h.HashAt(t.Context(), n, at.Incarnation, offset)
			if want := map[uint64]millpond.Hash{at.Offset: at.Hash, 0: 0, 3: hash}[offset]; err != nil || hash != want {
				t.Errorf("%s: hash at %d is %v, %v, want %v", what, offset, hash, err, want)
			}
		}
		if offset, err := h.OffsetOf(t.Context(), n, at.Incarnation, "k"); err != nil || offset != 3 {
			t.Errorf("%s: key at %d, %v", what, offset, err)
		}
		if e, err := h.EventAt(t.Context(), n, at.Incarnation, 3); err != nil || e.IdempotencyKey != "k" {
			t.Errorf("%s: %+v, %v", what, e, err)
		}
		if events, err := h.Read(t.Context(), n, ReadOptions{After: 2, Before: 5, Incarnation: at.Incarnation}); err != nil || len(events) != 2 {
			t.Errorf("%s: %+v, %v", what, events, err)
		}
	}
	check("in memory")
	old, _ := h.Position(t.Context(), n)
	h.restart()
	check("not in memory")
	if err := h.Reset(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	h.append(n, keyed("a", "k"), input("b"))
	check("after a reset")
	_, hash := h.HashAt(t.Context(), n, old.Incarnation, 3)
	_, key := h.OffsetOf(t.Context(), n, old.Incarnation, "k")
	_, event := h.EventAt(t.Context(), n, old.Incarnation, 3)
	_, read := h.Read(t.Context(), n, ReadOptions{Incarnation: old.Incarnation})
	for what, err := range map[string]error{"hash": hash, "key": key, "event": event, "read": read} {
		if !errors.Is(err, millpond.NotFound) {
			t.Errorf("%s of an incarnation that is gone: %v", what, err)
		}
	}
	if _, err := h.Position(t.Context(), name("/none")); !errors.Is(err, millpond.NotFound) {
		t.Errorf("position of no stream: %v", err)
	}
}
