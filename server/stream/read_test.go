package stream

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

// S7: events by offset, by key, and by bounded ranges.
func TestRead(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, inputs(998)...)
	h.append(n, inputs(1000)...)
	h.append(n, keyed("last", "k")) // 2001
	for _, test := range []struct {
		what        string
		opts        ReadOptions
		first, last uint64 // first > last: nothing
	}{
		{"by default", ReadOptions{}, 1, DefaultReadEvents},
		{"limit", ReadOptions{Limit: 3}, 1, 3},
		{"limit over its bound", ReadOptions{Limit: 1e9}, 1, MaxReadEvents},
		{"after", ReadOptions{After: 1990}, 1991, 2001},
		{"before", ReadOptions{Before: 4}, 1, 3},
		{"between", ReadOptions{After: 10, Before: 14}, 11, 13},
		{"between, limited", ReadOptions{After: 10, Before: 14, Limit: 2}, 11, 12},
		{"at the end", ReadOptions{After: 2001}, 1, 0},
		{"past the end", ReadOptions{After: 1 << 63}, 1, 0},
		{"type", ReadOptions{After: 1000, Types: []string{"last", "none"}}, 2001, 2001},
		{"type, before", ReadOptions{Types: []string{"last"}, Before: 2001}, 1, 0},
		{"all types", ReadOptions{After: 1990, Types: []string{"*"}}, 1991, 2001},
	} {
		events, err := h.Read(t.Context(), n, test.opts)
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		var got, want []uint64
		for _, e := range events {
			got = append(got, e.Offset)
		}
		for offset := test.first; offset <= test.last; offset++ {
			want = append(want, offset)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", test.what, got, want)
		}
	}
	if e, err := h.Event(t.Context(), n, 2001); err != nil || e.Type != "last" || e.IdempotencyKey != "k" {
		t.Errorf("got %+v, %v", e, err)
	}
	if e, err := h.EventByKey(t.Context(), n, "k"); err != nil || e.Offset != 2001 {
		t.Errorf("got %+v, %v", e, err)
	}
	for _, offset := range []uint64{0, 2002} {
		if _, err := h.Event(t.Context(), n, offset); !errors.Is(err, millpond.NotFound) {
			t.Errorf("offset %d: got %v, want NotFound", offset, err)
		}
	}
	if _, err := h.EventByKey(t.Context(), n, "none"); !errors.Is(err, millpond.NotFound) {
		t.Errorf("got %v, want NotFound", err)
	}
}

// S7: a read of large events is bounded in bytes, and pages on.
func TestReadLargeEvents(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	large := millpond.Input{Type: "large", Payload: json.RawMessage(`"` + strings.Repeat("x", 500<<10) + `"`)}
	for range 20 {
		h.append(n, large)
	}
	events, err := h.Read(t.Context(), n, ReadOptions{Limit: 1000})
	if err != nil || len(events) > 2+maxReadBytes/(500<<10) || len(events) < 5 {
		t.Errorf("%d events at once, %v", len(events), err)
	}
	if got := len(h.log(n)); got != 22 {
		t.Errorf("%d events in pages, want 22", got)
	}
}
