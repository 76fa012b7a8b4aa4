package stream

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

func types(events []millpond.Event) []string {
	var list []string
	for _, e := range events {
		list = append(list, e.Type)
	}
	return list
}

// S1: offsets are consecutive, events are aligned with the inputs, the first touch commits created then woken, and
// each later load woken.
func TestAppend(t *testing.T) {
	h := newHarness(t)
	n := name("/a/b")
	events := h.append(n, input("one"), input("two"))
	if events[0].Offset != 3 || events[1].Offset != 4 || events[0].Type != "one" || events[1].Type != "two" {
		t.Errorf("got %+v, want one at 3, two at 4", events)
	}
	if commits := h.store.set(nil, nil); commits != 1 {
		t.Errorf("created, woken and the first append took %d transactions, want 1", commits)
	}
	log := h.log(n)
	if got := types(log); !slices.Equal(got, []string{millpond.TypeCreated, millpond.TypeWoken, "one", "two"}) {
		t.Errorf("log: %q", got)
	}
	var created millpond.CreatedPayload
	if err := json.Unmarshal(log[0].Payload, &created); err != nil || created.Namespace != n.Namespace || created.Path != n.Path || created.ID == "" {
		t.Errorf("created: %s", log[0].Payload)
	}
	for i, e := range log {
		if e.Offset != uint64(i+1) {
			t.Errorf("event %d has offset %d", i, e.Offset)
		}
	}

	h.restart()
	if got := h.append(n, input("three"))[0].Offset; got != 6 {
		t.Errorf("after a restart: offset %d, want 6, after woken", got)
	}
	h.append(n, input("four"))
	log = h.log(n)
	if got := types(log[4:]); !slices.Equal(got, []string{millpond.TypeWoken, "three", "four"}) {
		t.Errorf("log after a restart: %q", got)
	}
	if string(log[1].Payload) == string(log[4].Payload) {
		t.Errorf("both runs have the incarnation id %s", log[1].Payload)
	}
}

// S2: a key appends once, for ever; the new payload is ignored; also in one batch, in one transaction, after a restart.
func TestIdempotencyKey(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	other := keyed("other", "k")
	other.Payload = json.RawMessage(`"ignored"`)
	events := h.append(n, keyed("first", "k"), other, input("plain"), other)
	want := events[0]
	if want.Offset != 3 || want.Type != "first" {
		t.Fatalf("got %+v", want)
	}
	for _, i := range []int{1, 3} {
		if !reflect.DeepEqual(events[i], want) {
			t.Errorf("repeat in a batch: got %+v, want %+v", events[i], want)
		}
	}
	if events[2].Offset != 4 {
		t.Errorf("the event after a repeat has offset %d, want 4", events[2].Offset)
	}
	for range 2 {
		if got := h.append(n, other)[0]; !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		h.restart()
	}
	if got := h.append(name("/other"), other)[0]; got.Type != "other" {
		t.Errorf("another stream: got %+v", got)
	}
	if got, err := h.EventByKey(t.Context(), n, "k"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("by key: got %+v, %v", got, err)
	}
}

// S2: many at once with the same keys: each key is appended once, and all are told the same offset.
func TestIdempotencyKeyConcurrent(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	const writers, keys = 16, 50
	var offsets [writers][keys]uint64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for k := range keys {
				offsets[w][k] = h.append(n, keyed(fmt.Sprint("by/", w), fmt.Sprint(k)))[0].Offset
			}
		})
	}
	wg.Wait()
	for w := range writers {
		if offsets[w] != offsets[0] {
			t.Errorf("writers 0 and %d were told %v and %v", w, offsets[0], offsets[w])
		}
	}
	if got := len(h.log(n)); got != 2+keys {
		t.Errorf("the log has %d events, want %d", got, 2+keys)
	}
}

// S3: an offset is a precondition.
func TestOffsetPrecondition(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	told := h.refuse(n, millpond.OffsetConflict, at("x", 1)) // created and woken come first
	if !strings.Contains(told.Message, "the next offset is 3, not 1") || told.Field != "offset" {
		t.Errorf("got %v", told)
	}
	h.append(n, at("x", 3), at("x", 4))
	h.append(n, keyed("keyed", "k")) // 5
	hit := func(offset uint64) millpond.Input {
		in := keyed("keyed", "k")
		in.Offset = offset
		return in
	}
	if got := h.append(n, hit(5))[0].Offset; got != 5 {
		t.Errorf("a hit at its own offset: got %d, want 5", got)
	}
	for _, test := range []struct {
		what   string
		inputs []millpond.Input
		field  string
	}{
		{"too low", []millpond.Input{at("x", 5)}, "offset"},
		{"too high", []millpond.Input{at("x", 7)}, "offset"},
		{"a hit with another offset", []millpond.Input{hit(6)}, "offset"},
		{"the third of a batch", []millpond.Input{input("x"), keyed("x", "new"), at("x", 6)}, "[2].offset"},
		{"after a hit, which takes no offset", []millpond.Input{hit(5), at("x", 7)}, "[1].offset"},
	} {
		if told := h.refuse(n, millpond.OffsetConflict, test.inputs...); told.Field != test.field {
			t.Errorf("%s: field %q, want %q", test.what, told.Field, test.field)
		}
	}
	if got := h.append(n, keyed("x", "new"), at("x", 7)); got[0].Offset != 6 || got[1].Offset != 7 {
		t.Errorf("a key of a refused batch is free again: got %+v", got)
	}
}

// S3: of many with the same precondition one wins.
func TestOffsetPreconditionConcurrent(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, input("x"))
	const writers, rounds = 8, 20
	var won [rounds]int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for i := range rounds {
				if _, err := h.Append(t.Context(), n, []millpond.Input{at("x", uint64(4+i))}); err == nil {
					mu.Lock()
					won[i]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i, wins := range won {
		if wins > 1 {
			t.Errorf("offset %d was given %d times", 4+i, wins)
		}
	}
	if won[0] != 1 {
		t.Errorf("nobody got the first offset")
	}
}

// S4: source and metadata come back as they went in, payloads byte for byte.
func TestRoundTrip(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	in := millpond.Input{
		Type:     "full",
		Payload:  json.RawMessage(`{"b": 1.0,  "a":"<é>","a":null}`),
		Metadata: json.RawMessage(`{"trace": "1"}`),
		Source:   &millpond.Source{Processor: millpond.ProcessorID{Slug: "echo", Version: "1.2"}},
	}
	want := h.append(n, in, millpond.Input{Type: "empty"})
	if want[0].Source != in.Source || string(want[0].Metadata) != string(in.Metadata) || string(want[0].Payload) != string(in.Payload) {
		t.Errorf("got %+v, want the input %+v", want[0], in)
	}
	h.restart()
	if got := h.log(n)[2:4]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	large := millpond.Input{Type: "large", Payload: json.RawMessage(`"` + strings.Repeat("x", millpond.DefaultEventBytes-2) + `"`)}
	event := h.append(n, large)[0]
	if got, err := h.Event(t.Context(), n, event.Offset); err != nil || string(got.Payload) != string(large.Payload) {
		t.Errorf("the largest event: %d bytes, %v", len(got.Payload), err)
	}
}

// S5: a paused stream takes only what resumes it.
func TestPause(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	paused := millpond.Input{Type: millpond.TypePaused, Payload: json.RawMessage(`{"reason":"too hot"}`)}
	resumed := millpond.Input{Type: millpond.TypeResumed}
	original := h.append(n, keyed("x", "k"))[0]
	h.append(n, paused)
	for range 2 {
		if state := h.state(n); !state.Paused || state.PauseReason != "too hot" {
			t.Errorf("state: %+v", state)
		}
		if told := h.refuse(n, millpond.StreamPaused, input("x")); told.Message != "stream paused: too hot" {
			t.Errorf("got %q", told.Message)
		}
		h.refuse(n, millpond.StreamPaused, millpond.Input{Type: millpond.TypeMetadataUpdated, Payload: json.RawMessage(`{}`)})
		h.refuse(n, millpond.StreamPaused, resumed, paused, input("x"))
		if got := h.append(n, keyed("x", "k"))[0]; !reflect.DeepEqual(got, original) {
			t.Errorf("a repeat of what is in the log: got %+v, want %+v", got, original)
		}
		h.append(n, millpond.Input{Type: millpond.TypeErrorOccurred})
		h.restart() // the gate holds, and woken passes it
	}
	h.append(n, resumed, input("x"), paused)
	h.refuse(n, millpond.StreamPaused, input("x"))
	h.append(n, resumed)
	h.append(n, input("x"))
	if state := h.state(n); state.Paused || state.PauseReason != "" {
		t.Errorf("state: %+v", state)
	}
	h.refuse(n, millpond.StreamPaused, input("x"), paused, input("y"))
}

// S20: an append may name another stream, by an absolute or relative path.
func TestAppendToAnotherStream(t *testing.T) {
	h := newHarness(t)
	to := func(path, key string) millpond.Input {
		in := keyed("x", key)
		in.Stream = path
		return in
	}
	for i, test := range []struct{ path, want string }{{"../x", "/a/x"}, {"./y", "/a/b/y"}, {"/z", "/z"}, {"..", "/a"}, {".", "/a/b"}} {
		key := fmt.Sprint(i)
		got := h.append(name("/a/b"), to(test.path, key))[0]
		if event, err := h.EventByKey(t.Context(), name(test.want), key); err != nil || !reflect.DeepEqual(event, got) {
			t.Errorf("%s: got %+v, %v, want %+v", test.path, event, err, got)
		}
	}
	for _, bad := range [][]millpond.Input{{to("../../..", "")}, {to("x", "")}, {input("x"), to("../x", "")}} {
		if _, err := h.Append(t.Context(), name("/a/b"), bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	if got := len(h.log(name("/a/b"))); got != 2+1+1 { // a child, and what was for itself
		t.Errorf("/a/b has %d events, want 4", got)
	}
}

// S1: a refused batch leaves nothing, whatever is committed with it: concurrent batches of which every second one
// fails at its end.
func TestBatchAtomic(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	const writers, batches, size = 8, 20, 5
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for b := range batches {
				batch := make([]millpond.Input, size)
				for i := range batch {
					batch[i] = keyed("x", fmt.Sprintf("%d/%d/%d", w, b, i))
				}
				bad := b%2 == 1
				if bad {
					batch[size-1].Offset = 1
				}
				events, err := h.Append(t.Context(), n, batch)
				if (err != nil) != bad {
					t.Errorf("batch %d/%d: %v", w, b, err)
				}
				for i := range events {
					if events[i].Offset != events[0].Offset+uint64(i) || events[i].IdempotencyKey != batch[i].IdempotencyKey {
						t.Errorf("batch %d/%d is not in one piece: %+v", w, b, events)
					}
				}
			}
		})
	}
	wg.Wait()
	log := h.log(n)
	if want := 2 + writers*batches/2*size; len(log) != want {
		t.Errorf("%d events, want %d", len(log), want)
	}
	seen := make(map[string]bool)
	for _, e := range log[2:] {
		if seen[e.IdempotencyKey] {
			t.Errorf("key %s is there twice", e.IdempotencyKey)
		}
		seen[e.IdempotencyKey] = true
	}
}

// S1: createdAt never goes back, whatever the clock does, also over a restart.
func TestClockGoesBack(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	for _, d := range []time.Duration{0, -time.Hour, time.Minute, -48 * time.Hour, 50 * time.Hour} {
		h.clock.move(d)
		h.append(n, input("x"), input("y"))
		h.restart()
	}
	log := h.log(n)
	for i := 1; i < len(log); i++ {
		if log[i].CreatedAt.Before(log[i-1].CreatedAt) {
			t.Errorf("event %d is of %v, the one before it of %v", i+1, log[i].CreatedAt, log[i-1].CreatedAt)
		}
	}
	if got := log[len(log)-1].CreatedAt; !got.Equal(h.clock.now()) {
		t.Errorf("the last event is of %v; the clock, ahead again, said %v", got, h.clock.now())
	}
}
