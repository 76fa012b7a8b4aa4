package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
)

const (
	tenantRounds     = 10
	tenantOperations = 2_000 // of each tenant in a round
)

// Two tenants, each with a namespace of its own, do 20,000 random things each at the same time, in transactions that they share,
// which now and then fail, with paths and idempotency keys that both use. What each sees is what a model says of its own operations alone;
// the engine is started again between the rounds.
func TestTenants(t *testing.T) {
	seed := rand.Uint64()
	if s, err := strconv.ParseUint(os.Getenv(seedEnv), 10, 64); err == nil {
		seed = s
	}
	t.Logf("run again: %s=%d go test -run TestTenants ./server/stream", seedEnv, seed)
	var commits atomic.Uint64
	s := memory.New(memory.Options{BeforeCommit: func(context.Context, []store.Batch) error {
		if commits.Add(1)%50 == 0 {
			return store.ErrFull
		}
		return nil
	}})
	tenants := []*tenant{newTenant(t, "a", "b", seed), newTenant(t, "b", "a", seed+1)}
	for range tenantRounds {
		e, err := Open(Options{Store: s, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		e.committer.maxTailBytes = 40 << 10 // so that tails are dropped, too
		var wg sync.WaitGroup
		for _, w := range tenants {
			wg.Go(func() { w.work(e) })
		}
		wg.Wait()
		if err := e.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		s = s.Reopen()
	}
}

// tenant is one of two users of an engine, with a model of its own streams.
type tenant struct {
	t           *testing.T
	name, other string
	rand        *rand.Rand
	e           *Engine
	seq         int
	logs        map[millpond.Name]*modelLog
}

// modelLog is what a stream holds, but for the system's events.
type modelLog struct {
	events []millpond.Event
	keys   map[string]uint64 // offsets of the idempotency keys
}

func newTenant(t *testing.T, name, other string, seed uint64) *tenant {
	return &tenant{t: t, name: name, other: other, rand: rand.New(rand.NewPCG(seed, 7)), logs: map[millpond.Name]*modelLog{}}
}

func (w *tenant) work(e *Engine) {
	w.e = e
	for range tenantOperations {
		if w.t.Failed() {
			return
		}
		w.act()
	}
	for n := range w.logs {
		w.checkRead(n)
	}
}

func (w *tenant) stream() millpond.Name {
	return millpond.Name{Namespace: w.name, Path: []string{"/", "/x", "/x/y", "/z"}[w.rand.IntN(4)]}
}

func (w *tenant) log(n millpond.Name) *modelLog {
	if w.logs[n] == nil {
		w.logs[n] = &modelLog{keys: map[string]uint64{}}
	}
	return w.logs[n]
}

func (w *tenant) act() {
	n := w.stream()
	switch p := w.rand.IntN(200); {
	case p < 120:
		w.append(n)
	case p < 145:
		w.checkRead(n)
	case p < 160:
		w.checkKey(n)
	case p < 170:
		w.checkState(n)
	case p < 190:
		w.checkSubscription(n)
	case p < 198:
		w.ok(w.e.Kill(context.Background(), n))
	default:
		if w.ok(w.e.Reset(context.Background(), n)) {
			delete(w.logs, n)
		}
	}
}

// ok fails the test unless the error is nil, or one that is to be expected: there is no such stream, or the store has failed.
func (w *tenant) ok(err error) bool {
	if err != nil && !errors.Is(err, millpond.NotFound) && !errors.Is(err, millpond.Unavailable) {
		w.t.Errorf("%s: %v", w.name, err)
	}
	return err == nil
}

// append appends a batch, to a stream that is named, now and then, as seen from another one.
func (w *tenant) append(to millpond.Name) {
	m, from, path := w.log(to), to, ""
	if w.rand.IntN(5) == 0 {
		from, path = w.stream(), to.Path
	}
	inputs := make([]millpond.Input, 1+w.rand.IntN(4))
	for i := range inputs {
		w.seq++
		text := fmt.Sprintf("secret of %s %d %s", w.name, w.seq, strings.Repeat("x", w.rand.IntN(1500)))
		payload, err := json.Marshal(text)
		if err != nil {
			panic(err)
		}
		inputs[i] = millpond.Input{Type: "t/" + w.name, Payload: payload, Stream: path}
		if w.rand.IntN(3) == 0 {
			inputs[i].IdempotencyKey = fmt.Sprint("shared ", w.rand.IntN(60))
		}
	}
	events, err := w.e.Append(context.Background(), from, inputs)
	if !w.ok(err) {
		return
	}
	for i := range inputs {
		in, e := &inputs[i], &events[i]
		if offset, again := m.keys[in.IdempotencyKey]; again {
			w.same("an append again", []millpond.Event{*e}, []millpond.Event{*m.at(offset)})
			continue
		}
		if e.Type != in.Type || !bytes.Equal(e.Payload, in.Payload) {
			w.t.Errorf("%s appends %s and is answered %s %s", w.name, in.Payload, e.Type, e.Payload)
		}
		m.events = append(m.events, *e)
		if in.IdempotencyKey != "" {
			m.keys[in.IdempotencyKey] = e.Offset
		}
	}
}

func (m *modelLog) at(offset uint64) *millpond.Event {
	i, _ := slices.BinarySearchFunc(m.events, offset, func(e millpond.Event, offset uint64) int { return int(e.Offset) - int(offset) })
	return &m.events[i]
}

// own takes the system's events out, and fails the test when one of them tells of the other tenant.
func (w *tenant) own(events []millpond.Event) (own []millpond.Event) {
	for _, e := range events {
		if strings.HasPrefix(e.Type, millpond.SystemPrefix) {
			if bytes.Contains(e.Payload, []byte(`"namespace":"`+w.other)) {
				w.t.Errorf("%s sees %s", w.name, e.Payload)
			}
			continue
		}
		own = append(own, e)
	}
	return own
}

func (w *tenant) same(what string, got, want []millpond.Event) {
	w.t.Helper()
	if len(got) != len(want) {
		w.t.Errorf("%s, %s: %d events, want %d", w.name, what, len(got), len(want))
		return
	}
	for i := range got {
		g, m := &got[i], &want[i]
		if g.Offset != m.Offset || g.Type != m.Type || g.IdempotencyKey != m.IdempotencyKey || !bytes.Equal(g.Payload, m.Payload) {
			w.t.Errorf("%s, %s: %d %s %.60s, want %d %s %.60s", w.name, what, g.Offset, g.Type, g.Payload, m.Offset, m.Type, m.Payload)
		}
	}
}

// checkRead compares what follows a random offset with the model.
func (w *tenant) checkRead(n millpond.Name) {
	m := w.log(n)
	after := uint64(w.rand.IntN(20 + 2*len(m.events)))
	opts := ReadOptions{After: after, Limit: 1 + w.rand.IntN(50)}
	if w.rand.IntN(2) == 0 {
		opts.Types = []string{"t/a", "t/b"}
	}
	events, err := w.e.Read(context.Background(), n, opts)
	if !w.ok(err) {
		return
	}
	end := after
	if len(events) > 0 {
		end = events[len(events)-1].Offset
	}
	w.same("read", w.own(events), m.between(after, end))
}

func (m *modelLog) between(after, end uint64) (events []millpond.Event) {
	for _, e := range m.events {
		if e.Offset > after && e.Offset <= end {
			events = append(events, e)
		}
	}
	return events
}

func (w *tenant) checkKey(n millpond.Name) {
	key := fmt.Sprint("shared ", w.rand.IntN(60))
	e, err := w.e.EventByKey(context.Background(), n, key)
	offset, ok := w.log(n).keys[key]
	if ok && w.ok(err) {
		w.same("by key", []millpond.Event{e}, []millpond.Event{*w.log(n).at(offset)})
	} else if !ok && !errors.Is(err, millpond.NotFound) {
		w.t.Errorf("%s: %s has the key %s: %v", w.name, n, key, err)
	}
}

func (w *tenant) checkState(n millpond.Name) {
	state, runtime, err := w.e.State(context.Background(), n)
	if !w.ok(err) {
		return
	}
	if state.Namespace != w.name || state.Path != n.Path || len(runtime.Connections) != 0 {
		w.t.Errorf("%s: the state of %s is %+v %+v", w.name, n, state, runtime)
	}
	if m := w.log(n).events; len(m) > 0 && state.MaxOffset < m[len(m)-1].Offset {
		w.t.Errorf("%s: the state of %s is at %d", w.name, n, state.MaxOffset)
	}
}

// checkSubscription compares what a subscriber gets, from a random offset to the end, with the model. Both tenants use the same key.
func (w *tenant) checkSubscription(n millpond.Name) {
	m := w.log(n)
	after := uint64(0)
	if len(m.events) > 0 {
		after = m.events[w.rand.IntN(len(m.events))].Offset - 1
	}
	s, err := w.e.Subscribe(context.Background(), n, SubscribeOptions{After: &after, Key: "shared"})
	if !w.ok(err) {
		return
	}
	defer s.Close()
	var all []millpond.Event
	at := s.Start().After
	for at < s.Start().MaxOffset {
		b, err := s.Next(context.Background(), 1+w.rand.IntN(20<<10))
		if err != nil {
			w.t.Errorf("%s: %v", w.name, err)
			return
		}
		events, err := decode(nil, b.Records, nil, 1<<30)
		if err != nil {
			w.t.Errorf("%s: %v", w.name, err)
			return
		}
		for _, e := range events {
			if at++; e.Offset != at {
				w.t.Errorf("%s: offset %d follows %d", w.name, e.Offset, at-1)
			}
		}
		all = append(all, events...)
	}
	w.same("subscription", w.own(all), m.between(after, at))
}
