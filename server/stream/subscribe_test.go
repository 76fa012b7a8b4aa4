package stream

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/millpond-dev/millpond"
)

// S8: where a subscription begins: exclusive, live only, from the start; and whether the subscriber's copy is a prefix
// of the log.
func TestSubscribeStart(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, inputs(8)...) // 10 events
	state := h.state(n)
	hashes := []millpond.Hash{0}
	s := h.subscribe(n, SubscribeOptions{After: from(0)})
	for range 10 {
		b, _ := h.next(s, 1)
		hashes = append(hashes, b.Hash)
	}
	s.Close()
	wrong := hashes[4] ^ 1
	for _, restarted := range []bool{false, true} {
		end := uint64(10)
		if restarted { // the tail is not in memory
			h.restart()
			end = 11
			s := h.subscribe(n, SubscribeOptions{})
			if got := s.Start().MaxOffset; got != end {
				t.Errorf("a subscription does not wake the stream: max offset %d, want %d", got, end)
			}
			hashes = append(hashes, s.Start().Hash)
			s.Close()
		}
		for _, test := range []struct {
			what    string
			opts    SubscribeOptions
			rebuild millpond.RebuildReason
			after   uint64
		}{
			{"live only", SubscribeOptions{}, "", end},
			{"from the start", SubscribeOptions{After: from(0)}, "", 0},
			{"from the start, checked", SubscribeOptions{After: from(0), Incarnation: state.CreatedAt, Hash: new(millpond.Hash)}, "", 0},
			{"in the middle", SubscribeOptions{After: from(4)}, "", 4},
			{"in the middle, checked", SubscribeOptions{After: from(4), Incarnation: state.CreatedAt, Hash: &hashes[4]}, "", 4},
			{"at the end", SubscribeOptions{After: from(end), Incarnation: state.CreatedAt, Hash: &hashes[end]}, "", end},
			{"past the end", SubscribeOptions{After: from(end + 1), Incarnation: state.CreatedAt, Hash: &hashes[4]}, millpond.AheadOfLog, 0},
			{"another incarnation", SubscribeOptions{After: from(4), Incarnation: "2001", Hash: &hashes[4]}, millpond.OtherIncarnation, 0},
			{"another incarnation, past the end", SubscribeOptions{After: from(99), Incarnation: "2001"}, millpond.OtherIncarnation, 0},
			{"another log", SubscribeOptions{After: from(4), Incarnation: state.CreatedAt, Hash: &wrong}, millpond.Diverged, 0},
			{"an empty copy with a hash", SubscribeOptions{After: from(0), Hash: &wrong}, millpond.Diverged, 0},
		} {
			t.Run(test.what, func(t *testing.T) {
				s := h.subscribe(n, test.opts)
				defer s.Close()
				want := Start{Rebuild: test.rebuild, Incarnation: state.CreatedAt, After: test.after, Hash: hashes[test.after], MaxOffset: end}
				if s.Start() != want {
					t.Errorf("got %+v, want %+v", s.Start(), want)
				}
				if test.after < end {
					if _, events := h.next(s, 1); events[0].Offset != test.after+1 {
						t.Errorf("the first event has offset %d, want %d", events[0].Offset, test.after+1)
					}
				}
			})
		}
	}
}

// S8: subscribing creates the stream; live events follow.
func TestSubscribeCreates(t *testing.T) {
	h := newHarness(t)
	n := name("/new")
	s := h.subscribe(n, SubscribeOptions{After: from(0)})
	defer s.Close()
	if b, events := h.next(s, 1<<20); !slices.Equal(types(events), []string{millpond.TypeCreated, millpond.TypeWoken}) || !b.Live || b.MaxOffset != 2 {
		t.Errorf("got %+v, %q", b, types(events))
	}
	h.append(n, input("x"))
	if _, events := h.next(s, 1<<20); events[0].Offset != 3 || events[0].Type != "x" {
		t.Errorf("got %+v", events)
	}
}

// S8: batches are bounded in bytes and events, hold one record at least, and carry the max offset and the hash.
func TestBatchBounds(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, inputs(900)...)
	for range 2 {
		h.append(n, inputs(900)...)
	}
	for _, restarted := range []bool{false, true} {
		if restarted {
			h.restart()
		}
		for _, maxBytes := range []int{0, 1, 100, 1000, 1 << 30} {
			s := h.subscribe(n, SubscribeOptions{After: from(0)})
			var hash millpond.Hash
			var offset uint64
			for live := false; !live; {
				b, events := h.next(s, maxBytes)
				if len(b.Records) > maxBytes && len(events) != 1 || len(events) > maxBatchEvents || len(events) == 0 {
					t.Fatalf("%d bytes, %d events for at most %d bytes", len(b.Records), len(events), maxBytes)
				}
				for rest := b.Records; len(rest) > 0; {
					var record []byte
					record, rest, _ = millpond.NextRecord(rest)
					offset++
					hash = hash.Next(record)
					if got := millpond.RecordOffset(record); got != offset {
						t.Fatalf("got offset %d, want %d", got, offset)
					}
				}
				if b.LastOffset != offset || b.Hash != hash || b.MaxOffset != s.Start().MaxOffset || b.Live != (offset == b.MaxOffset) {
					t.Fatalf("got %+v at offset %d, hash %s", b, offset, hash)
				}
				live = b.Live
			}
			s.Close()
			if offset != s.Start().MaxOffset {
				t.Errorf("read up to %d, want %d", offset, s.Start().MaxOffset)
			}
		}
	}
}

// S8: a filter delivers some types only, and the checkpoint passes the others, in bounded steps.
func TestSubscribeTypes(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	var want []uint64
	batch := inputs(3000)
	for i := range batch {
		if i%900 == 0 {
			batch[i] = input("signal")
			want = append(want, uint64(i+3))
		}
	}
	for part := range slices.Chunk(batch, 500) {
		h.append(n, part...)
	}
	for _, restarted := range []bool{false, true} {
		if restarted {
			h.restart()
		}
		for _, maxBytes := range []int{1, 1 << 20} {
			s := h.subscribe(n, SubscribeOptions{After: from(0), Types: []string{"signal", "never"}})
			var got []uint64
			checkpoint, hash := uint64(0), millpond.Hash(0)
			for checkpoint < s.Start().MaxOffset {
				b, events := h.next(s, maxBytes)
				if b.LastOffset <= checkpoint || b.LastOffset > checkpoint+maxBatchEvents {
					t.Fatalf("checkpoint went from %d to %d", checkpoint, b.LastOffset)
				}
				checkpoint, hash = b.LastOffset, b.Hash
				for _, e := range events {
					got = append(got, e.Offset)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			live := h.subscribe(n, SubscribeOptions{})
			if live.Start().Hash != hash {
				t.Errorf("hash %s at the end, want %s", hash, live.Start().Hash)
			}
			live.Close()
			s.Close()
		}
	}
	s := h.subscribe(n, SubscribeOptions{Types: []string{"signal"}})
	defer s.Close()
	h.append(n, input("noise"))
	if b, events := h.next(s, 1<<20); len(events) != 0 || !b.Live || b.LastOffset != b.MaxOffset {
		t.Errorf("at the end of filtered events: got %+v, want an empty batch that reaches it", b)
	}
	all := h.subscribe(n, SubscribeOptions{Types: []string{"signal", "*"}})
	defer all.Close()
	h.append(n, input("noise"))
	if _, events := h.next(all, 1<<20); len(events) != 1 {
		t.Errorf(`"*": got %+v, want all types`, events)
	}
}

// S8: each hash of a filtered batch is the log's at its checkpoint, also when the batch ends for its size.
func TestFilteredHash(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, input("a"), input("b"), input("b"), input("a"), input("b"), input("a"))
	s := h.subscribe(n, SubscribeOptions{After: from(0), Types: []string{"b"}})
	defer s.Close()
	for range 3 {
		b, _ := h.next(s, 1)
		check := h.subscribe(n, SubscribeOptions{After: from(b.LastOffset), Hash: &b.Hash})
		if got := check.Start(); got.Rebuild != "" {
			t.Errorf("at %d: %s", b.LastOffset, got.Rebuild)
		}
		check.Close()
	}
}

// S8, S12: how subscriptions end.
func TestSubscriptionEnds(t *testing.T) {
	n := name("/a")
	ended := func(reason millpond.EndReason) func(error) bool {
		return func(err error) bool {
			var end *EndError
			return errors.As(err, &end) && end.Reason == reason
		}
	}
	for _, test := range []struct {
		what string
		do   func(h *harness, s *Subscription)
		want func(error) bool
	}{
		{"closed", func(_ *harness, s *Subscription) { s.Close(); s.Close() }, ended(millpond.EndUnsubscribed)},
		{"replaced", func(h *harness, _ *Subscription) { h.subscribe(n, SubscribeOptions{Key: "k"}) }, ended(millpond.EndReplaced)},
		{"reset", func(h *harness, _ *Subscription) { h.Reset(context.Background(), n) }, ended(millpond.EndReset)},
		{"killed", func(h *harness, _ *Subscription) { h.Kill(context.Background(), n) }, ended(millpond.EndKilled)},
		{"engine closed", func(h *harness, _ *Subscription) { h.Engine.Close(context.Background()) },
			func(err error) bool { return errors.Is(err, millpond.Unavailable) }},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				s := h.subscribe(n, SubscribeOptions{Key: "k"})
				other := h.subscribe(name("/other"), SubscribeOptions{Key: "k"}) // has nothing to do with it
				errs := make(chan error, 1)
				go func() {
					_, err := s.Next(t.Context(), 1)
					errs <- err
				}()
				synctest.Wait()
				test.do(h, s)
				if err := <-errs; !test.want(err) {
					t.Errorf("parked: got %v", err)
				}
				if _, err := s.Next(t.Context(), 1); !test.want(err) {
					t.Errorf("called again: got %v", err)
				}
				s.Close() // changes nothing any more
				if _, err := s.Next(t.Context(), 1); !test.want(err) {
					t.Errorf("after Close: got %v", err)
				}
				if test.what != "engine closed" {
					h.append(name("/other"), input("x"))
					if _, events := h.next(other, 1); len(events) != 1 {
						t.Errorf("the other stream's subscription: got %+v", events)
					}
				}
			})
		})
	}
}

// S8: a context that ends, or a store that fails for a while, leaves the cursor where it was.
func TestNextAgain(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, input("x"))
	s := h.subscribe(n, SubscribeOptions{})
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Next(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
	h.append(n, input("y"))
	if _, events := h.next(s, 1); len(events) != 1 || events[0].Offset != 4 {
		t.Errorf("got %+v, want the event at 4", events)
	}
}
