package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
	"github.com/millpond-dev/millpond/server/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a host on a real engine, in a bubble of fake time, with a store that fails when it is told to.
type rig struct {
	t          *testing.T
	store      *memory.Store
	engine     *stream.Engine
	host       *Host
	processors []millpond.Definition
	logged     *strings.Builder

	refuseLists int // how many lists of subscriptions fail

	mu     sync.Mutex
	refuse func([]store.Batch) error // of each commit; nil: none is refused
	lose   func([]store.Batch) error // of each commit that is done; nil: all are answered
}

// inBubble runs a test with a rig of the processors.
func inBubble(t *testing.T, processors []millpond.Definition, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, processors: processors, logged: &strings.Builder{}}
		r.store = memory.New(memory.Options{
			BeforeCommit: func(_ context.Context, b []store.Batch) error { return r.hook(&r.refuse, b) },
			AfterCommit:  func(_ context.Context, b []store.Batch) error { return r.hook(&r.lose, b) },
		})
		r.start()
		test(r)
		r.stop()
	})
}

func (r *rig) hook(hook *func([]store.Batch) error, b []store.Batch) error {
	r.mu.Lock()
	fn := *hook
	r.mu.Unlock()
	if fn == nil {
		return nil
	}
	return fn(b)
}

// plant makes the commits to come fail: before they are done, or only their answers.
func (r *rig) plant(refuse, lose func([]store.Batch) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse, r.lose = refuse, lose
}

var errPlanted = errors.New("planted")

func always([]store.Batch) error { return errPlanted }

// checkpoints refuses the commits of checkpoints.
func checkpoints(batches []store.Batch) error {
	for _, b := range batches {
		if len(b.Checkpoints) > 0 {
			return errPlanted
		}
	}
	return nil
}

func (r *rig) start() {
	r.t.Helper()
	log := slog.New(slog.NewTextHandler(r.logged, nil))
	var err error
	if r.host, err = New(r.processors, log); err != nil {
		r.t.Fatal(err)
	}
	r.engine, err = stream.Open(stream.Options{Store: r.store, Logger: slog.New(slog.DiscardHandler),
		Registered: r.host.Registered, Changed: r.host.Changed})
	if err != nil {
		r.t.Fatal(err)
	}
	r.host.Start(&watched{Streams: On(r.engine), t: r.t, open: map[stream.Outbound]int{}, refuseLists: r.refuseLists})
}

// watched are streams that let nobody follow one twice for the same key.
type watched struct {
	Streams
	t    *testing.T
	mu   sync.Mutex
	open map[stream.Outbound]int // cursors, by name and key

	refuseLists int // left; one goroutine lists
}

func (w *watched) Subscribed(ctx context.Context, after millpond.Name, limit int) ([]millpond.Name, error) {
	if w.refuseLists > 0 {
		w.refuseLists--
		return nil, errPlanted
	}
	return w.Streams.Subscribed(ctx, after, limit)
}

func (w *watched) Follow(ctx context.Context, name millpond.Name, as stream.Outbound, after uint64, c millpond.Contract) (Cursor, error) {
	who := stream.Outbound{Key: name.String() + " " + as.Key}
	w.mu.Lock()
	w.open[who]++
	twice := w.open[who] > 1
	w.mu.Unlock()
	if twice {
		w.t.Errorf("%s is followed twice", who.Key)
	}
	left := sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.open[who]--
	})
	cursor, err := w.Streams.Follow(ctx, name, as, after, c)
	if err != nil {
		left()
		return nil, err
	}
	return &watchedCursor{cursor, left}, nil
}

type watchedCursor struct {
	Cursor
	left func()
}

func (c *watchedCursor) CloseBecause(why millpond.DisconnectReason) {
	c.Cursor.CloseBecause(why)
	c.left()
}

func (r *rig) stop() {
	r.t.Helper()
	if err := r.host.Close(context.Background()); err != nil {
		r.t.Error(err)
	}
	if err := r.engine.Close(context.Background()); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) restart() {
	r.t.Helper()
	r.stop()
	r.store = r.store.Reopen()
	r.start()
}

// crash is restart, but nothing more is written.
func (r *rig) crash() {
	r.t.Helper()
	r.plant(always, nil)
	r.stop()
	r.plant(nil, nil)
	r.store = r.store.Reopen()
	r.start()
}

func (r *rig) append(name millpond.Name, inputs ...millpond.Input) []millpond.Event {
	r.t.Helper()
	events, err := r.engine.Append(context.Background(), name, inputs)
	if err != nil {
		r.t.Fatalf("append to %s: %v", name, err)
	}
	return events
}

// hosting is a stream with the processor under the key k: that is configured at offset 3 and registered at 4, and has come to
// the end.
func (r *rig) hosting(slug string) millpond.Name {
	r.t.Helper()
	n := name("/s")
	r.append(n, configure("k", slug))
	r.settle()
	return n
}

// settle lets everything that is not waiting for time to pass come to rest.
func (r *rig) settle() { synctest.Wait() }

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// log is the stream's events of the type, or all.
func (r *rig) log(name millpond.Name, types ...string) (events []millpond.Event) {
	r.t.Helper()
	for after := uint64(0); ; {
		page, err := r.engine.Read(context.Background(), name, stream.ReadOptions{After: after, Limit: 1000, Types: types})
		if err != nil && !errors.Is(err, millpond.NotFound) {
			r.t.Fatal(err)
		}
		if len(page) == 0 {
			return events
		}
		events, after = append(events, page...), page[len(page)-1].Offset
	}
}

func (r *rig) state(name millpond.Name) millpond.State {
	r.t.Helper()
	state, _, err := r.engine.State(context.Background(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	return state
}

func (r *rig) status(name millpond.Name, key string) Status {
	r.t.Helper()
	return r.host.Status(name, r.state(name).MaxOffset)[key]
}

func (r *rig) phase(what string, name millpond.Name, key string, want Phase) {
	r.t.Helper()
	r.settle()
	if got := r.status(name, key); got.Phase != want {
		r.t.Errorf("%s: %+v, want the phase %q", what, got, want)
	}
}

// checkpoint is the durable one.
func (r *rig) checkpoint(name millpond.Name, key string) record {
	r.t.Helper()
	data, err := r.engine.LoadCheckpoint(context.Background(), name, r.state(name).CreatedAt, key)
	if err != nil {
		r.t.Fatal(err)
	}
	rec, err := decodeRecord(data)
	if err != nil {
		r.t.Fatal(err)
	}
	if rec == nil {
		return record{}
	}
	return *rec
}

func name(path string) millpond.Name {
	return millpond.Name{Namespace: millpond.DefaultNamespace, Path: path}
}

func input(eventType string) millpond.Input { return millpond.Input{Type: eventType} }

// elsewhere is an input for another stream.
func elsewhere(path, eventType string) millpond.Input {
	return millpond.Input{Type: eventType, Stream: path}
}

func inputs(n int, eventType string) []millpond.Input {
	return slices.Repeat([]millpond.Input{input(eventType)}, n)
}

func configure(key, processor string) millpond.Input {
	payload := fmt.Sprintf(`{"key":%q,"processor":%q}`, key, processor)
	if processor == "" {
		payload = fmt.Sprintf(`{"key":%q,"processor":null}`, key)
	}
	return millpond.Input{Type: millpond.TypeSubscriptionConfigured, Payload: json.RawMessage(payload)}
}

func anchored(key, processor string, anchor uint64) millpond.Input {
	return millpond.Input{Type: millpond.TypeSubscriptionConfigured,
		Payload: fmt.Appendf(nil, `{"key":%q,"processor":%q,"anchor":%d}`, key, processor, anchor)}
}

// tally is the state of a probe: how many events it has folded, and of which offsets the last was.
type tally struct {
	Events int    `json:"events"`
	Last   uint64 `json:"last"`
}

// probe is a processor whose parts a test sets. It notes what it is called for.
type probe struct {
	contract millpond.Contract
	reduce   func(tally, *millpond.Event) tally
	event    func(context.Context, millpond.Effects, millpond.Step[tally]) error

	mu      sync.Mutex
	running int
	acted   []uint64 // offsets, as often as it was called for them
}

func newProbe(slug string, consumes ...string) *probe {
	return &probe{contract: millpond.Contract{Slug: slug, Version: "1", Consumes: consumes}}
}

func (p *probe) Contract() millpond.Contract { return p.contract }

func (p *probe) Reduce(s tally, e *millpond.Event) tally {
	if p.reduce != nil {
		return p.reduce(s, e)
	}
	return tally{s.Events + 1, e.Offset}
}

func (p *probe) ProcessEvent(ctx context.Context, fx millpond.Effects, step millpond.Step[tally]) error {
	p.mu.Lock()
	p.acted = append(p.acted, step.Event.Offset)
	p.running++
	overlaps := p.running > 1
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.running--
		p.mu.Unlock()
	}()
	if overlaps {
		panic("two calls at the same time")
	}
	if p.event == nil {
		return nil
	}
	return p.event(ctx, fx, step)
}

// offsets are those that it was called for since the last time.
func (p *probe) offsets() []uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	acted := p.acted
	p.acted = nil
	return acted
}

func define(probes ...*probe) (all []millpond.Definition) {
	for _, p := range probes {
		all = append(all, millpond.Define[tally](p))
	}
	return all
}

func equal[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
