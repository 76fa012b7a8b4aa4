package bridge

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/query"
)

// fakeMirror answers what a test puts into it.
type fakeMirror struct {
	mu     sync.Mutex
	open   map[millpond.Name]int
	lives  map[string]func(*query.Result, error)
	status func(mirror.Status)
	kept   []string // types of what was appended

	query  func(ctx context.Context, sql string, params []any) (*query.Result, error)
	append func(ctx context.Context, inputs []millpond.Input) ([]millpond.Event, error)
}

func newFakeMirror() *fakeMirror {
	return &fakeMirror{open: make(map[millpond.Name]int), lives: make(map[string]func(*query.Result, error))}
}

type fakeStream struct {
	mirror *fakeMirror
	name   millpond.Name
}

func (m *fakeMirror) Stream(name millpond.Name) (Stream, error) {
	if err := name.Validate(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[name]++
	return &fakeStream{m, name}, nil
}

func (s *fakeStream) Append(_ context.Context, inputs ...millpond.Input) (Appended, error) {
	s.mirror.mu.Lock()
	defer s.mirror.mu.Unlock()
	s.mirror.kept = append(s.mirror.kept, inputs[0].Type)
	return &fakeAppended{s.mirror, inputs}, nil
}

type fakeAppended struct {
	mirror *fakeMirror
	inputs []millpond.Input
}

func (a *fakeAppended) Wait(ctx context.Context) ([]millpond.Event, error) {
	return a.mirror.append(ctx, a.inputs)
}

func (s *fakeStream) Close() {
	s.mirror.mu.Lock()
	defer s.mirror.mu.Unlock()
	s.mirror.open[s.name]--
}

func (m *fakeMirror) Query(ctx context.Context, sql string, params ...any) (*query.Result, error) {
	return m.query(ctx, sql, params)
}

func (m *fakeMirror) Live(sql string, _ []any, fn func(*query.Result, error)) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lives[sql] = fn
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.lives, sql)
	}
}

func (m *fakeMirror) Status() mirror.Status { return mirror.Status{Connection: mirror.Connected} }

func (m *fakeMirror) WatchStatus(fn func(mirror.Status)) func() {
	m.mu.Lock()
	m.status = fn
	m.mu.Unlock()
	fn(m.Status())
	return func() {}
}

func (m *fakeMirror) Reconnect() {}

func (m *fakeMirror) opened(name millpond.Name) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open[name]
}

// outbox is what the bridge has answered.
type outbox struct {
	mu     sync.Mutex
	texts  map[string][]string // by client
	fatals []string
}

func (o *outbox) options() Options {
	o.texts = make(map[string][]string)
	return Options{
		Answer: func(client, text string) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.texts[client] = append(o.texts[client], text)
		},
		Fatal: func(message string) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.fatals = append(o.fatals, message)
		},
	}
}

// take returns what the client has been answered since the last take, and checks that it is JSON.
func (o *outbox) take(t *testing.T, client string) []string {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	texts := o.texts[client]
	delete(o.texts, client)
	for _, text := range texts {
		if !json.Valid([]byte(text)) {
			t.Errorf("not JSON: %s", text)
		}
	}
	return texts
}

func (o *outbox) want(t *testing.T, client string, want ...string) {
	t.Helper()
	if got := o.take(t, client); !slices.Equal(got, want) {
		t.Errorf("client %q was answered\n%q, want\n%q", client, got, want)
	}
}

func (m *fakeMirror) RetryProjection(_ context.Context, name string) error {
	if name != "todo" {
		return fmt.Errorf("%w: %q", projection.ErrNotFound, name)
	}
	return nil
}

// The optimistic view marks the statement, so that tests see which view was asked for.
func (m *fakeMirror) QueryOptimistic(ctx context.Context, sql string, params ...any) (*query.Result, error) {
	return m.Query(ctx, "optimistic "+sql, params...)
}

func (m *fakeMirror) LiveOptimistic(sql string, params []any, fn func(*query.Result, error)) func() {
	return m.Live("optimistic "+sql, params, fn)
}
