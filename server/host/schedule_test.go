package host

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// seedEnv repeats one schedule of TestSchedules.
const seedEnv = "MILLPOND_TEST_SEED"

// S13, S14, S15: whatever the schedule of subscriptions that come, change and go, of resets, kills, crashes, outages and failures
// of the processors: no subscription is ever followed twice, and when the faults stop, exactly what is configured runs, each
// state is the fold of the whole log, and each event that was to be acted on was so, with one effect.
func TestSchedules(t *testing.T) {
	seeds := make([]uint64, 60)
	for i := range seeds {
		seeds[i] = rand.Uint64()
	}
	if seed, err := strconv.ParseUint(os.Getenv(seedEnv), 10, 64); err == nil {
		seeds = []uint64{seed}
	}
	for _, seed := range seeds {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { runSchedule(t, seed) }) {
			t.Logf("run again: %s=%d go test -run TestSchedules ./server/host", seedEnv, seed)
		}
	}
}

// schedule is one run. Its random numbers are drawn in an order that depends on how goroutines are scheduled: a seed repeats the
// operations, not each interleaving.
type schedule struct {
	*rig
	mu  sync.Mutex
	rnd *rand.Rand
	// failures of each event, so that none fails too often in a row
	failures map[string]int
	faulty   bool
}

func (s *schedule) n(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rnd.IntN(n)
}

func runSchedule(t *testing.T, seed uint64) {
	s := &schedule{rnd: rand.New(rand.NewPCG(seed, 1)), failures: map[string]int{}, faulty: true}
	inBubble(t, []millpond.Definition{
		millpond.Define[tally](worker{s, "p"}), millpond.Define[tally](worker{s, "q"}), millpond.Define[tally](batchWorker{worker{s, "b"}}),
	}, func(r *rig) {
		s.rig = r
		names := []millpond.Name{name("/1"), name("/2")}
		for range 60 {
			s.step(names[s.n(len(names))])
		}
		s.mu.Lock()
		s.faulty = false
		s.mu.Unlock()
		r.plant(nil, nil)
		r.pass(time.Hour)
		for _, n := range names {
			last := []millpond.Input{input("x")}
			if _, err := r.engine.Append(context.Background(), n, last); err != nil { // the last answer was lost: memory is loaded again
				r.append(n, last...)
			}
		}
		r.pass(time.Hour)
		for _, n := range names {
			s.check(n)
		}
	})
}

// step does something at random. Appends may fail: that is the point.
func (s *schedule) step(n millpond.Name) {
	ctx := context.Background()
	key, slug := []string{"k", "l", "m"}[s.n(3)], []string{"p", "q", "b"}[s.n(3)]
	try := func(inputs ...millpond.Input) { s.engine.Append(ctx, n, inputs) }
	switch s.n(16) {
	case 0, 1, 2:
		try(configure(key, slug))
	case 3:
		try(anchored(key, slug, uint64(s.n(3))))
	case 4:
		try(configure(key, ""), configure(key, slug))
	case 5:
		try(configure(key, ""))
	case 6:
		s.engine.Reset(ctx, n)
	case 7:
		s.engine.Kill(ctx, n)
	case 8:
		s.crash()
	case 9:
		s.restart()
	case 10:
		s.plant(s.sometimes(), nil)
	case 11:
		s.plant(nil, s.sometimes())
	case 12:
		s.plant(nil, nil)
	default:
		try(inputs(1+s.n(30), "x")...)
		try(inputs(1+s.n(5), "other")...)
	}
	if s.n(2) == 0 {
		s.pass(time.Duration(s.n(int(10 * time.Second))))
	}
}

// sometimes fails every other commit, about.
func (s *schedule) sometimes() func([]store.Batch) error {
	return func([]store.Batch) error {
		if s.n(2) == 0 {
			return errPlanted
		}
		return nil
	}
}

// worker appends one y for each x. It takes its time, and fails now and then, but never too often in a row.
type worker struct {
	*schedule
	slug string
}

func (w worker) Contract() millpond.Contract {
	return millpond.Contract{Slug: w.slug, Version: "1", Consumes: []string{"x"}, Emits: []string{"y"}}
}

func (w worker) Reduce(t tally, e *millpond.Event) tally { return tally{t.Events + 1, e.Offset} }

func (w worker) work(ctx context.Context, offset uint64) error {
	if w.n(4) == 0 {
		select {
		case <-time.After(time.Duration(w.n(int(3 * time.Second)))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	w.schedule.mu.Lock()
	defer w.schedule.mu.Unlock()
	at := fmt.Sprint(w.slug, offset)
	if w.faulty && w.failures[at] < maxAttempts-1 && w.rnd.IntN(6) == 0 {
		w.failures[at]++
		if w.rnd.IntN(2) == 0 {
			panic("planted")
		}
		return errPlanted
	}
	return nil
}

func (w worker) ProcessEvent(ctx context.Context, fx millpond.Effects, step millpond.Step[tally]) error {
	if err := w.work(ctx, step.Event.Offset); err != nil {
		return err
	}
	if _, err := fx.Append(ctx, millpond.Input{Type: "y", Payload: fmt.Appendf(nil, "%d", step.Event.Offset)}); err != nil {
		return err
	}
	return w.work(ctx, step.Event.Offset)
}

// batchWorker is a worker that takes several events at once.
type batchWorker struct{ worker }

// ProcessEvent hides the worker's: its signature is another one.
func (w batchWorker) ProcessEvent() {}

func (w batchWorker) ProcessBatch(ctx context.Context, fx millpond.Effects, steps []millpond.Step[tally]) error {
	for _, step := range steps {
		in := millpond.Input{Type: "y", Payload: fmt.Appendf(nil, "%d", step.Event.Offset), IdempotencyKey: step.Key("reply")}
		if _, err := fx.Append(ctx, in); err != nil {
			return err
		}
	}
	return w.work(ctx, steps[0].Event.Offset)
}

// check compares what runs on the stream with what its log says.
func (s *schedule) check(n millpond.Name) {
	s.t.Helper()
	state := s.state(n)
	status := s.host.Status(n, state.MaxOffset)
	if len(status) != len(state.Subscriptions) {
		s.t.Errorf("%s: %d processors run, want %d", n, len(status), len(state.Subscriptions))
	}
	xs, ys := s.log(n, "x"), s.log(n, "y")
	want := tally{Events: len(xs)}
	if len(xs) > 0 {
		want.Last = xs[len(xs)-1].Offset
	}
	for key, sub := range state.Subscriptions {
		got, rec := status[key], s.checkpoint(n, key)
		var folded tally
		if err := json.Unmarshal(rec.State, &folded); err != nil || folded != want {
			s.t.Errorf("%s %s: state %+v, %v, want %+v", n, key, folded, err, want)
		}
		if got.Phase != Live || got.Processor.Slug != sub.Processor || got.Offset < want.Last {
			s.t.Errorf("%s %s: %+v, want a live %s at %d", n, key, got, sub.Processor, want.Last)
		}
		var replies []uint64
		for _, y := range ys {
			if y.Source.Processor.Slug == sub.Processor {
				offset, _ := strconv.ParseUint(string(y.Payload), 10, 64)
				replies = append(replies, offset)
			}
		}
		for _, x := range xs {
			if x.Offset > rec.Anchor && !slices.Contains(replies, x.Offset) {
				s.t.Errorf("%s %s: nothing was done for the event at offset %d, after the anchor %d", n, key, x.Offset, rec.Anchor)
			}
		}
	}
	seen := map[string]bool{}
	for _, y := range ys {
		if seen[y.IdempotencyKey] || y.IdempotencyKey == "" {
			s.t.Errorf("%s: two effects with the key %q", n, y.IdempotencyKey)
		}
		seen[y.IdempotencyKey] = true
	}
}
