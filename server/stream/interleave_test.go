package stream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/millpond-dev/millpond"
)

// seedEnv repeats a run of TestRandomInterleavings.
const seedEnv = "MILLPOND_TEST_SEED"

// S8: never a gap, never a duplicate, whatever the interleaving: subscribers join at random offsets, with random sizes
// of batch and filters, leave and come back, while appends of random sizes flow and tails are dropped.
func TestRandomInterleavings(t *testing.T) {
	seeds := []uint64{rand.Uint64(), rand.Uint64(), rand.Uint64()}
	if seed, err := strconv.ParseUint(os.Getenv(seedEnv), 10, 64); err == nil {
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			interleave(t, seed)
			if t.Failed() {
				t.Logf("run again: %s=%d go test -run TestRandomInterleavings ./server/stream", seedEnv, seed)
			}
		})
	}
}

func interleave(t *testing.T, seed uint64) {
	const writers, batches, readers = 4, 60, 24
	h := newHarness(t)
	h.committer.maxTailBytes = 20 << 10 // so that the tail often has to be read from the store
	n := name("/a")
	h.append(n, input("x"))
	total := uint64(3)
	var wg sync.WaitGroup
	for w := range writers {
		rnd := rand.New(rand.NewPCG(seed, uint64(w)))
		var sizes [batches]int
		for i := range sizes {
			sizes[i] = 1 + rnd.IntN(20)
			total += uint64(sizes[i])
		}
		wg.Go(func() {
			for _, size := range sizes {
				h.append(n, inputs(size)...)
			}
		})
	}
	for i := range readers {
		wg.Go(func() {
			r := &reader{h: h, name: n, rnd: rand.New(rand.NewPCG(seed, uint64(1000+i)))}
			for r.cursor < total {
				if err := r.visit(total); err != nil {
					t.Errorf("reader %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// reader is a subscriber that checks what it gets.
type reader struct {
	h      *harness
	name   millpond.Name
	rnd    *rand.Rand
	cursor uint64
	hash   millpond.Hash
}

// visit subscribes where the reader is, reads some batches, and leaves.
func (r *reader) visit(total uint64) error {
	opts := SubscribeOptions{After: from(r.cursor), Hash: &r.hash}
	if r.cursor == 0 && r.rnd.IntN(2) == 0 {
		opts.After, opts.Hash = nil, nil
	}
	if r.rnd.IntN(3) == 0 {
		opts.Types = []string{"n/0", "n/5"}
	}
	s, err := r.h.Subscribe(context.Background(), r.name, opts)
	if err != nil {
		return err
	}
	defer s.Close()
	start := s.Start()
	if start.Rebuild != "" || opts.After != nil && start.After != r.cursor || start.Hash != r.hash && opts.Hash != nil {
		return fmt.Errorf("at %d, hash %s: started at %+v", r.cursor, r.hash, start)
	}
	r.cursor, r.hash = start.After, start.Hash
	for range 1 + r.rnd.IntN(30) {
		if r.cursor == total {
			return nil
		}
		b, err := s.Next(context.Background(), 1+r.rnd.IntN(4000))
		if err != nil {
			return err
		}
		if err := r.check(b, opts.Types != nil); err != nil {
			return err
		}
	}
	return nil
}

// check checks that the batch follows the cursor, and moves that.
func (r *reader) check(b millpond.Batch, filtered bool) error {
	offset, hash := r.cursor, r.hash
	for rest := b.Records; len(rest) > 0; {
		var record []byte
		var err error
		if record, rest, err = millpond.NextRecord(rest); err != nil {
			return err
		}
		got := millpond.RecordOffset(record)
		if got <= offset || !filtered && got != offset+1 {
			return fmt.Errorf("offset %d after %d", got, offset)
		}
		offset, hash = got, hash.Next(record)
	}
	switch {
	case b.LastOffset < offset || b.LastOffset <= r.cursor || b.LastOffset > b.MaxOffset || b.Live != (b.LastOffset == b.MaxOffset):
		return fmt.Errorf("batch after %d with records up to %d: %d of %d", r.cursor, offset, b.LastOffset, b.MaxOffset)
	case !filtered && (b.LastOffset != offset || b.Hash != hash):
		return fmt.Errorf("batch up to %d, hash %s: its records say %d, %s", b.LastOffset, b.Hash, offset, hash)
	}
	r.cursor, r.hash = b.LastOffset, b.Hash
	return nil
}

// S8, S12: subscribers that follow through resets and kills see whole incarnations, never a mix.
func TestInterleavedResets(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, input("x"))
	const rounds = 20
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					h.append(n, inputs(3)...)
				}
			}
		})
	}
	incarnations := make(chan int, 4)
	for i := range 4 {
		wg.Go(func() { incarnations <- followResets(t, h, n, i%2 == 0, stop) })
	}
	for i := range rounds {
		if err := h.Reset(t.Context(), n); err != nil {
			t.Error(err)
		}
		if i%3 == 0 {
			if err := h.Kill(t.Context(), n); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	h.append(n, input("wakes who is parked"))
	wg.Wait()
	for range 4 {
		if seen := <-incarnations; seen < 1 {
			t.Error("a subscriber saw nothing")
		}
	}
}

// followResets reads from the start of each incarnation, and returns how many it saw something of.
func followResets(t *testing.T, h *harness, n millpond.Name, small bool, stop <-chan struct{}) (incarnations int) {
	maxBytes := 1 << 20
	if small {
		maxBytes = 1
	}
	for {
		s, err := h.Subscribe(context.Background(), n, SubscribeOptions{After: from(0)})
		if err != nil {
			t.Error(err)
			return incarnations
		}
		r := &reader{h: h, name: n}
		for first := true; ; first = false {
			b, err := s.Next(context.Background(), maxBytes)
			if err != nil {
				break // reset, or killed
			}
			if first {
				incarnations++
				events, err := decode(nil, b.Records, nil, 1)
				if err != nil || events[0].Type != millpond.TypeCreated || millpond.IncarnationOf(events[0].CreatedAt) != s.Start().Incarnation {
					t.Errorf("begins with %+v, %v, want the created event of %s", events, err, s.Start().Incarnation)
				}
			}
			if err := r.check(b, false); err != nil {
				t.Error(err)
			}
			select {
			case <-stop:
				s.Close()
				return incarnations
			default:
			}
		}
	}
}

// S8: a slow subscriber holds up neither appends nor other subscribers, and gets all of it in the end.
func TestSlowSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		n := name("/a")
		slow := h.subscribe(n, SubscribeOptions{After: from(0)})
		fast := h.subscribe(n, SubscribeOptions{After: from(0)})
		defer slow.Close()
		defer fast.Close()
		f, s := &reader{h: h, name: n}, &reader{h: h, name: n}
		for range 50 { // the slow one takes nothing, and nothing waits for it
			h.append(n, inputs(200)...)
			for f.cursor < h.state(n).MaxOffset {
				b, _ := h.next(fast, 1<<20)
				if err := f.check(b, false); err != nil {
					t.Fatal(err)
				}
			}
		}
		in := h.running(n)
		if in.tail.bytes > maxTailBytes {
			t.Errorf("the tail holds %d bytes, at most %d are allowed", in.tail.bytes, maxTailBytes)
		}
		for s.cursor < f.cursor {
			b, _ := h.next(slow, 1<<20)
			if err := s.check(b, false); err != nil {
				t.Fatal(err)
			}
		}
		if s.hash != f.hash {
			t.Errorf("hash %s, want %s", s.hash, f.hash)
		}
	})
}
