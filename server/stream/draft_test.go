package stream

import (
	"errors"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// S1, S2, S3: a refused batch leaves no trace in the transaction that it was planned for: not its offsets, hash, state
// or keys.
func TestDraftRefused(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	plan := func(refused bool) *draft {
		d := newDraft(head{}, now, map[string]uint64{}, nil)
		d.wake(name("/a"))
		d.head.hash, d.head.state.IncarnationID = 1, "" // not those with random ids
		if _, err := d.append([]millpond.Input{keyed("one", "k1")}); err != nil {
			t.Fatal(err)
		}
		if refused {
			pause := millpond.Input{Type: millpond.TypePaused, Payload: []byte(`{"reason":"r"}`)}
			if _, err := d.append([]millpond.Input{keyed("x", "k2"), keyed("x", "k1"), pause, input("x")}); !errors.Is(err, millpond.StreamPaused) {
				t.Fatalf("got %v, want StreamPaused", err)
			}
			if _, err := d.append([]millpond.Input{keyed("x", "k2"), at("x", 9)}); !errors.Is(err, millpond.OffsetConflict) {
				t.Fatalf("got %v, want OffsetConflict", err)
			}
		}
		events, err := d.append([]millpond.Input{keyed("two", "k2"), keyed("again", "k1"), input("three")})
		if err != nil || events[0].Offset != 4 || events[1].Offset != 3 || events[2].Offset != 5 {
			t.Fatalf("got %+v, %v", events, err)
		}
		return d
	}
	want, got := plan(false), plan(true)
	if got.head.offset != want.head.offset || got.head.hash != want.head.hash || got.head.state.Paused || len(got.records) != len(want.records) {
		t.Errorf("got %+v, want %+v", got.head, want.head)
	}
	if len(got.keys) != 2 || got.keys["k1"] != 3 || got.keys["k2"] != 4 {
		t.Errorf("keys: %v", got.keys)
	}
	for i := range want.records[2:] {
		if string(got.records[2+i].Data) != string(want.records[2+i].Data) {
			t.Errorf("record %d differs", 3+i)
		}
	}
}
