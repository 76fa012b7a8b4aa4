package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
	"github.com/millpond-dev/millpond/server/store/sqlite"
	"github.com/millpond-dev/millpond/server/stream"
)

// linearSeedEnv repeats a run of TestLinearizable, as far as its goroutines let it.
const linearSeedEnv = "MILLPOND_TEST_SEED"

// S1, S2, S3, S7, S8: what concurrent clients see of a stream, they could see of a log that does one thing after the other:
// each call takes effect at one moment between its beginning and its end. That holds while commits fail, while commits
// succeed and their answers are lost, and while running instances are killed.
func TestLinearizable(t *testing.T) {
	for name, test := range map[string]struct {
		store  func(testing.TB) store.Store
		faults bool
		http   bool
	}{
		"engine, in memory":              {store: openMemory},
		"engine, in memory, with faults": {store: openMemory, faults: true},
		"engine, sqlite, with faults":    {store: openSQLite, faults: true},
		"http, sqlite":                   {store: openSQLite, http: true},
		"http, sqlite, with faults":      {store: openSQLite, faults: true, http: true},
	} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			if n, err := strconv.ParseUint(os.Getenv(linearSeedEnv), 10, 64); err == nil {
				seed = n
			}
			s := test.store(t)
			if test.faults {
				s = &failingCommits{Store: s}
			}
			h := recordHistory(t, s, test.http, seed)
			result, info := porcupine.CheckOperationsVerbose(linearModel(h.system), h.operations, 0)
			if result != porcupine.Ok {
				t.Errorf("the history is %s; to try again: %s=%d go test -run '%s' ./server", result, linearSeedEnv, seed, t.Name())
				h.explain(t, info)
			}
			t.Logf("%d calls, of these %v", len(h.operations), h.counts())
			if counts := h.counts(); counts["append"] < 50 || counts["append conflict"] == 0 || counts["read"] < 50 || counts["look"] < 50 ||
				test.faults && (counts["append refused"] == 0 || counts["append unknown"] == 0) {
				t.Error("the history is too poor to prove anything")
			}
		})
	}
}

// The checker bites: it finds each bug that is planted in the store.
func TestLinearizableFindsBugs(t *testing.T) {
	for name, plant := range map[string]func(store.Store) store.Store{
		"a commit is acknowledged and lost":   func(s store.Store) store.Store { return &losesCommit{Store: s} },
		"idempotency keys are forgotten":      func(s store.Store) store.Store { return forgetsKeys{s} },
		"reads do not see the last event":     func(s store.Store) store.Store { return readsStale{s} },
		"a commit that is refused goes ahead": func(s store.Store) store.Store { return &commitsRefused{Store: s} },
	} {
		t.Run(name, func(t *testing.T) {
			h := recordHistory(t, plant(openMemory(t)), false, rand.Uint64())
			if result := porcupine.CheckOperationsTimeout(linearModel(h.system), h.operations, 0); result != porcupine.Illegal {
				t.Errorf("the history of %d calls is %s", len(h.operations), result)
			}
		})
	}
}

func openMemory(testing.TB) store.Store { return memory.New(memory.Options{}) }

func openSQLite(t testing.TB) store.Store {
	s, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// failingCommits refuses one commit of ten, and loses the answer of another. Commit is called by one goroutine.
type failingCommits struct {
	store.Store
	commits int
}

func (f *failingCommits) Commit(ctx context.Context, batches []store.Batch) error {
	f.commits++
	if f.commits%10 == 4 {
		return &store.Error{Kind: store.ErrFull, Path: "here"}
	}
	err := f.Store.Commit(ctx, batches)
	if f.commits%10 == 9 {
		err = errors.Join(err, errors.New("the answer is lost"))
	}
	return err
}

// The planted bugs.
type (
	losesCommit struct {
		store.Store
		commits int
		lost    bool
	}
	forgetsKeys    struct{ store.Store }
	readsStale     struct{ store.Store }
	commitsRefused struct {
		store.Store
		commits int
	}
)

func (s *losesCommit) Commit(ctx context.Context, batches []store.Batch) error {
	s.commits++
	if r := batches[0].Records; s.commits >= 20 && !s.lost && string(millpond.RecordType(r[len(r)-1].Data)) == "test" {
		s.lost = true
		return nil
	}
	return s.Store.Commit(ctx, batches)
}

func (s forgetsKeys) Commit(ctx context.Context, batches []store.Batch) error {
	for i := range batches {
		for j := range batches[i].Records {
			batches[i].Records[j].Key = ""
		}
	}
	return s.Store.Commit(ctx, batches)
}

func (s readsStale) Read(ctx context.Context, stream store.Stream, r store.Range) (store.Page, error) {
	head, err := s.Head(ctx, stream.Name)
	if err != nil {
		return store.Page{}, err
	}
	if r.After+1 < head.Offset && (r.Before == 0 || r.Before > head.Offset) {
		r.Before = head.Offset
	}
	return s.Store.Read(ctx, stream, r)
}

func (s *commitsRefused) Commit(ctx context.Context, batches []store.Batch) error {
	err := s.Store.Commit(ctx, batches)
	if s.commits++; s.commits%20 == 0 {
		return errors.Join(err, &store.Error{Kind: store.ErrFull, Path: "here"})
	}
	return err
}

// linearHistory is what clients did, with a clock that only counts.
type linearHistory struct {
	clock atomic.Int64

	mu         sync.Mutex
	operations []porcupine.Operation
	system     map[string]map[uint64]bool // offsets of the system's events, by stream
}

// record notes a call that began at the time and has just ended.
func (h *linearHistory) record(client int, began int64, call *linearCall) {
	ended := h.clock.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, porcupine.Operation{ClientId: client, Call: began, Input: nil, Output: call, Return: ended})
}

func (h *linearHistory) counts() map[string]int {
	counts := map[string]int{}
	for _, op := range h.operations {
		call := op.Output.(*linearCall)
		kind := string(call.kind)
		if call.err != "" {
			kind += " " + string(call.err)
		}
		counts[kind]++
	}
	return counts
}

// explain shows where a history that is not linearizable gets stuck: the last calls of the longest order that was found, and
// the first of those that fit nowhere after them.
func (h *linearHistory) explain(t *testing.T, info porcupine.LinearizationInfo) {
	const shown = 8
	model := linearModel(h.system)
	parts := info.PartialLinearizationsOperations()
	for i, history := range model.Partition(h.operations) {
		model.Partition = nil
		if porcupine.CheckOperations(model, history) {
			continue
		}
		order := slices.MaxFunc(parts[i], func(a, b []porcupine.Operation) int { return len(a) - len(b) })
		placed := map[any]bool{}
		for _, op := range order {
			placed[op.Output] = true
		}
		show := func(what string, operations []porcupine.Operation) {
			for _, op := range operations {
				t.Logf("%s: client %d, %d to %d: %+v", what, op.ClientId, op.Call, op.Return, op.Output)
			}
		}
		show("placed", order[max(0, len(order)-shown):])
		rest := slices.DeleteFunc(history, func(op porcupine.Operation) bool { return placed[op.Output] })
		slices.SortFunc(rest, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
		show("not placed", rest[:min(shown, len(rest))])
	}
}

// recordHistory lets clients work on a server with the store, and closes both.
func recordHistory(t *testing.T, s store.Store, overHTTP bool, seed uint64) *linearHistory {
	const streams, writers, followers, calls = 3, 4, 2, 40
	ts := start(t, Options{Store: s})
	defer s.Close()
	defer ts.close(t)
	var client linearClient = engineClient{ts.server.gate.Trusted()}
	if overHTTP {
		client = httpClient{t, ts}
	}
	h := &linearHistory{system: map[string]map[uint64]bool{}}
	var wg sync.WaitGroup
	for i := range streams {
		name := millpond.Name{Namespace: millpond.DefaultNamespace, Path: fmt.Sprint("/", i)}
		var writing sync.WaitGroup
		done := make(chan struct{})
		for n := range writers + followers {
			id := i*(writers+followers) + n
			a := &linearActor{t: t, h: h, client: client, engine: ts.server.gate.Trusted(), name: name, id: id, rnd: rand.New(rand.NewPCG(seed, uint64(id)))}
			if n < writers {
				writing.Go(func() { a.write(calls) })
			} else {
				wg.Go(func() { a.follow(done) })
			}
		}
		wg.Go(func() {
			writing.Wait()
			close(done)
			for { // a last event for the followers, whatever fails
				if _, err := ts.server.gate.Trusted().Append(context.Background(), name, []millpond.Input{{Type: "last"}}); err == nil {
					return
				}
			}
		})
	}
	wg.Wait()
	h.end(t, ts.server.gate.Trusted())
	return h
}

// end reads all logs, notes that as calls that come after all others, and decides what became of those appends of which that
// was unknown.
func (h *linearHistory) end(t *testing.T, engine *access.Streams) {
	logs := map[string]map[string]linearEvent{}
	for _, op := range h.operations {
		name := op.Output.(*linearCall).stream
		if logs[name] != nil {
			continue
		}
		began := h.clock.Add(1)
		events := readLog(t, engine, name)
		logs[name], h.system[name] = map[string]linearEvent{}, map[uint64]bool{}
		for _, e := range events {
			if e.value == "" {
				h.system[name][e.offset] = true
			} else {
				logs[name][e.value] = e
			}
		}
		h.record(0, began, &linearCall{stream: name, kind: linearRead, limit: len(events) + 1, events: events})
	}
	h.operations = slices.DeleteFunc(h.operations, func(op porcupine.Operation) bool {
		call := op.Output.(*linearCall)
		return call.err == linearUnknown && !h.applied(call, logs[call.stream])
	})
	for i := range h.operations {
		if call := h.operations[i].Output.(*linearCall); call.err == linearUnknown {
			h.operations[i].Return = h.clock.Add(1) // it may have taken effect after its answer
		}
	}
}

// applied reports whether an append took effect, and notes what it would have been answered. Where all events have keys, a
// second try may have taken effect instead: then the first one can be thought of as the repeat.
func (h *linearHistory) applied(call *linearCall, log map[string]linearEvent) bool {
	call.events = make([]linearEvent, len(call.inputs))
	keyless, found, foundKeyless := false, false, false
	for i, in := range call.inputs {
		e, ok := log[in.value]
		found, keyless = found || ok, keyless || in.key == ""
		foundKeyless = foundKeyless || ok && in.key == ""
		if !ok && in.key != "" {
			e = byKey(log, in.key)
		}
		call.events[i] = e
	}
	if keyless {
		return foundKeyless
	}
	return found
}

func byKey(log map[string]linearEvent, key string) linearEvent {
	for _, e := range log {
		if e.key == key {
			return e
		}
	}
	return linearEvent{}
}

// readLog reads a whole log.
func readLog(t *testing.T, engine *access.Streams, path string) (events []linearEvent) {
	name := millpond.Name{Namespace: millpond.DefaultNamespace, Path: path}
	for {
		page, err := engine.Read(t.Context(), name, stream.ReadOptions{After: uint64(len(events)), Limit: stream.MaxReadEvents})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return events
		}
		events = append(events, linearEvents(page)...)
	}
}
