package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
)

// What no client may ever see.
const secretPath, secretWord = "/var/lib/hidden/millpond.db", "hunter2"

// leakyStore fails with whatever it is told to, by all of its methods.
type leakyStore struct {
	store.Store
	fail atomic.Pointer[error]
}

func (s *leakyStore) failure() error {
	if err := s.fail.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *leakyStore) Head(ctx context.Context, name millpond.Name) (store.Head, error) {
	if err := s.failure(); err != nil {
		return store.Head{}, err
	}
	return s.Store.Head(ctx, name)
}

func (s *leakyStore) Commit(ctx context.Context, batches []store.Batch) error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.Store.Commit(ctx, batches)
}

func (s *leakyStore) Read(ctx context.Context, stream store.Stream, r store.Range) (store.Page, error) {
	if err := s.failure(); err != nil {
		return store.Page{}, err
	}
	return s.Store.Read(ctx, stream, r)
}

func (s *leakyStore) Hash(ctx context.Context, stream store.Stream, offset uint64) (millpond.Hash, error) {
	if err := s.failure(); err != nil {
		return 0, err
	}
	return s.Store.Hash(ctx, stream, offset)
}

func (s *leakyStore) Offsets(ctx context.Context, stream store.Stream, keys []string) ([]uint64, error) {
	if err := s.failure(); err != nil {
		return nil, err
	}
	return s.Store.Offsets(ctx, stream, keys)
}

// everything is all that a client is told by an answer over HTTP: a part at a time, until the server ends it.
func everything(res response) string {
	var b strings.Builder
	fmt.Fprintln(&b, res.Status, res.Header, res.Trailer)
	b.WriteString(res.body)
	return b.String()
}

// told is all that a client is told on a websocket about a message, and when the connection ends, by its close.
func (u use) told(t *testing.T, ts *testServer) string {
	t.Helper()
	p, _, err := ts.dial(t, millpond.Subprotocol)
	if err != nil {
		return err.Error()
	}
	defer p.ws.CloseNow()
	p.send(&millpond.Hello{Client: "test"})
	p.send(u.message)
	p.send(&millpond.Hello{Client: "test"}) // a mistake: the server says so, and closes
	var b strings.Builder
	for {
		m := p.next()
		fmt.Fprintf(&b, "%T %+v\n", m, m)
		var end websocket.CloseError
		if err, ok := m.(error); ok {
			if errors.As(err, &end) {
				fmt.Fprintln(&b, end.Code, end.Reason)
			}
			return b.String()
		}
	}
}

// What the store fails with is for the log. Of it nothing gets into an answer, a message, or the reason of a close.
func TestErrorsDoNotLeak(t *testing.T) {
	for name, failure := range map[string]error{
		"plain":          fmt.Errorf("open %s: password %s", secretPath, secretWord),
		"of the system":  &fs.PathError{Op: "write", Path: secretPath, Err: errors.New(secretWord)},
		"of the store":   &store.Error{Kind: store.ErrCorrupt, Path: secretPath, Hint: secretWord},
		"a full disk":    &store.Error{Kind: store.ErrFull, Path: secretPath, Hint: secretWord},
		"a conflict":     fmt.Errorf("%s: %w: %s", secretPath, store.ErrConflict, secretWord),
		"a closed store": fmt.Errorf("%s: %w: %s", secretPath, store.ErrClosed, secretWord),
		"no stream":      fmt.Errorf("%s: %w: %s", secretPath, store.ErrNoStream, secretWord),
		"a deadline":     fmt.Errorf("%s: %w: %s", secretPath, context.DeadlineExceeded, secretWord),
	} {
		t.Run(name, func(t *testing.T) {
			leaky := &leakyStore{Store: memory.New(memory.Options{})}
			ts := start(t, Options{Store: leaky})
			ts.append(t, "/x", `[{"type":"a"},{"type":"b","idempotencyKey":"k"}]`)
			for _, u := range append(uses(), use{does: "follow", method: "GET", path: "/api/streams/default/x?live=sse&after=0"}) {
				ts.do(t, "POST", "/api/control/default/x", `{"action":"kill"}`) // so that the store is asked
				leaky.fail.Store(&failure)
				var told string
				if u.message != nil {
					told = u.told(t, ts)
				} else {
					told = everything(ts.do(t, u.method, u.path, u.body))
				}
				leaky.fail.Store(nil)
				if strings.Contains(told, secretWord) || strings.Contains(told, "hidden") {
					t.Errorf("%s: the client is told %s", u.does, told)
				}
			}
			ts.close(t)
			if !strings.Contains(ts.logged.String(), secretWord) && (name == "plain" || name == "of the system") {
				t.Error("nor is the log told")
			}
		})
	}
}

// A hook that panics fails its request, tells the client nothing, and harms nobody else.
func TestHooksThatPanic(t *testing.T) {
	panics := func(who string) {
		if who == "bad" {
			panic(secretWord)
		}
	}
	for name, opts := range map[string]Options{
		"Authenticate": {Authenticate: func(_ context.Context, c access.Credentials) (access.Identity, error) {
			panics(c.Token)
			return access.Identity{Subject: c.Token}, nil
		}},
		"Authorize": {
			Authenticate: func(_ context.Context, c access.Credentials) (access.Identity, error) {
				return access.Identity{Subject: c.Token}, nil
			},
			Authorize: func(_ context.Context, who access.Identity, _ access.Action, _ millpond.Name) error {
				panics(who.Subject)
				return nil
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ts := start(t, opts)
			res := ts.do(t, "POST", "/api/streams/default/x", `{"type":"a"}`, "Authorization: Bearer bad")
			if res.StatusCode != http.StatusInternalServerError || strings.Contains(everything(res), secretWord) {
				t.Errorf("%s", everything(res))
			}
			p, _, err := ts.dial(t, millpond.Subprotocol)
			if err != nil {
				t.Fatal(err)
			}
			p.send(&millpond.Hello{Client: "test", Token: "bad"})
			p.send(&millpond.Append{ID: 1, Stream: stream1, Events: []byte(`[{"type":"a"}]`)})
			for {
				m := p.next()
				if strings.Contains(fmt.Sprintf("%+v", m), secretWord) {
					t.Errorf("the websocket is told %+v", m)
				}
				if _, over := m.(error); over {
					break
				}
			}
			if _, welcome := ts.greet(t, "good"); !isWelcome(welcome) {
				t.Errorf("another client: %+v", welcome)
			}
			if res := ts.do(t, "POST", "/api/streams/default/x", `{"type":"a"}`, "Authorization: Bearer good"); res.StatusCode != 200 {
				t.Errorf("another request: %s", res.body)
			}
		})
	}
}
