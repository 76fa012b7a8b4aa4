package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// harness is an engine on a real store that can be made to fail or wait, with a clock that the test sets.
type harness struct {
	*Engine
	t     testing.TB
	dir   string
	store *faultyStore
	clock *clock
	opts  Options
}

func newHarness(t testing.TB) *harness {
	t.Helper()
	h := &harness{t: t, dir: t.TempDir(), clock: &clock{at: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}}
	h.opts = Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: h.clock.now}
	h.start()
	t.Cleanup(h.stop)
	return h
}

func (h *harness) start() {
	h.t.Helper()
	s, err := sqlite.Open(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	h.store = &faultyStore{Store: s}
	h.opts.Store = h.store
	if h.Engine, err = Open(h.opts); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) stop() {
	h.t.Helper()
	if err := h.Close(context.Background()); err != nil {
		h.t.Error(err)
	}
	if err := h.store.Close(); err != nil {
		h.t.Error(err)
	}
}

func (h *harness) restart() {
	h.t.Helper()
	h.stop()
	h.start()
}

// append appends inputs that must be taken.
func (h *harness) append(name millpond.Name, inputs ...millpond.Input) []millpond.Event {
	h.t.Helper()
	events, err := h.Append(context.Background(), name, inputs)
	if err != nil {
		h.t.Fatalf("append to %s: %v", name, err)
	}
	return events
}

// refuse appends inputs that must be refused with the code, and leave no trace.
func (h *harness) refuse(name millpond.Name, code millpond.ErrorCode, inputs ...millpond.Input) *millpond.Error {
	h.t.Helper()
	before, _, beforeErr := h.State(context.Background(), name)
	_, err := h.Append(context.Background(), name, inputs)
	var told *millpond.Error
	if !errors.As(err, &told) || told.Code != code {
		h.t.Fatalf("append to %s: got %v, want %s", name, err, code)
	}
	after, _, afterErr := h.State(context.Background(), name)
	if before.MaxOffset != after.MaxOffset || (beforeErr == nil) != (afterErr == nil) {
		h.t.Fatalf("a refused append left a trace: offset %d → %d, %v → %v", before.MaxOffset, after.MaxOffset, beforeErr, afterErr)
	}
	return told
}

// log reads the whole log of a stream.
func (h *harness) log(name millpond.Name) []millpond.Event {
	h.t.Helper()
	var all []millpond.Event
	for {
		events, err := h.Read(context.Background(), name, ReadOptions{After: uint64(len(all))})
		if err != nil {
			h.t.Fatal(err)
		}
		if len(events) == 0 {
			return all
		}
		all = append(all, events...)
	}
}

func (h *harness) state(name millpond.Name) millpond.State {
	h.t.Helper()
	state, _, err := h.State(context.Background(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return state
}

func (h *harness) subscribe(name millpond.Name, opts SubscribeOptions) *Subscription {
	h.t.Helper()
	s, err := h.Subscribe(context.Background(), name, opts)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// next is a batch that must come.
func (h *harness) next(s *Subscription, maxBytes int) (millpond.Batch, []millpond.Event) {
	h.t.Helper()
	b, err := s.Next(context.Background(), maxBytes)
	if err != nil {
		h.t.Fatal(err)
	}
	events, err := decode(nil, b.Records, nil, 1<<30)
	if err != nil {
		h.t.Fatal(err)
	}
	return b, events
}

func name(path string) millpond.Name {
	return millpond.Name{Namespace: millpond.DefaultNamespace, Path: path}
}

func input(eventType string) millpond.Input {
	return millpond.Input{Type: eventType, Payload: json.RawMessage(`{"a": 1}`)}
}

func keyed(eventType, key string) millpond.Input {
	in := input(eventType)
	in.IdempotencyKey = key
	return in
}

func at(eventType string, offset uint64) millpond.Input {
	in := input(eventType)
	in.Offset = offset
	return in
}

func inputs(n int) []millpond.Input {
	list := make([]millpond.Input, n)
	for i := range list {
		list[i] = input(fmt.Sprintf("n/%d", i))
	}
	return list
}

func from(offset uint64) *uint64 { return &offset }

// clock is set by the test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// faultyStore fails or waits when it is told to.
type faultyStore struct {
	store.Store
	mu      sync.Mutex
	fail    error         // what Commit and Head fail with
	release chan struct{} // what Commit waits for, before it commits
	hold    chan struct{} // what Commit waits for, after it has committed
	lost    error         // what Commit fails with although it has committed
	commits int

	onCommit func(store.Batch) // is called with each batch that is committed
}

func (f *faultyStore) Head(ctx context.Context, name millpond.Name) (store.Head, error) {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail != nil {
		return store.Head{}, fail
	}
	return f.Store.Head(ctx, name)
}

func (f *faultyStore) Commit(ctx context.Context, batches []store.Batch) error {
	f.mu.Lock()
	fail, release, hold, lost := f.fail, f.release, f.hold, f.lost
	f.commits++
	f.mu.Unlock()
	if release != nil {
		<-release
	}
	if fail != nil {
		return fail
	}
	if f.onCommit != nil {
		for i := range batches {
			f.onCommit(batches[i])
		}
	}
	err := f.Store.Commit(ctx, batches)
	if hold != nil {
		<-hold
	}
	return errors.Join(err, lost)
}

func (f *faultyStore) Sweep(ctx context.Context) (bool, error) {
	return f.Store.(store.Sweeper).Sweep(ctx)
}

// set makes the commits to come fail or wait. It returns how many there were.
func (f *faultyStore) set(fail error, release chan struct{}) (commits int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail, f.release = fail, release
	return f.commits
}
