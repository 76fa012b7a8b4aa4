package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/millpond-dev/millpond"
)

func (s *Server) appendTypes(t *testing.T, types ...string) {
	t.Helper()
	var inputs []millpond.Input
	for _, typ := range types {
		inputs = append(inputs, millpond.Input{Type: typ})
	}
	if _, err := s.Append(t.Context(), stream1, inputs...); err != nil {
		t.Fatal(err)
	}
}

// S7: an iterator reads what was there when it began, in bounded pages.
func TestReadIterator(t *testing.T) {
	s := start(t, Options{}).server
	s.appendTypes(t, "a", "b") // 3, 4
	for range 3 {
		s.appendTypes(t, slices.Repeat([]string{"a"}, embeddedReadEvents)...)
	}
	for _, test := range []struct {
		opts        ReadOptions
		first, last uint64 // last 0: the end
	}{
		{ReadOptions{}, 1, 0},
		{ReadOptions{After: 3}, 4, 0},
		{ReadOptions{After: 3, Before: 6}, 4, 5},
		{ReadOptions{After: 3, Before: 900000}, 4, 0},
		{ReadOptions{Limit: 2}, 1, 2},
		{ReadOptions{After: 4, Limit: embeddedReadEvents + 1}, 5, 5 + embeddedReadEvents},
		{ReadOptions{Types: []string{"b"}}, 4, 4},
		{ReadOptions{After: 900000}, 1, 0},
	} {
		state, _, err := s.State(t.Context(), stream1)
		if err != nil {
			t.Fatal(err)
		}
		if test.last == 0 && test.opts.After < 900000 {
			test.last = state.MaxOffset
		}
		next := test.first
		for e, err := range s.Read(t.Context(), stream1, test.opts) {
			if err != nil || e.Offset != next {
				t.Fatalf("%+v: offset %d, %v, want %d", test.opts, e.Offset, err, next)
			}
			if next++; next == 10 {
				s.appendTypes(t, "late") // is not of this reading
			}
		}
		if next != test.last+1 {
			t.Errorf("%+v: ends before %d, want %d", test.opts, next, test.last+1)
		}
	}
}

// Errors are the last thing that a loop gets.
func TestIteratorErrors(t *testing.T) {
	s := start(t, Options{}).server
	s.appendTypes(t, slices.Repeat([]string{"a"}, 2*embeddedReadEvents)...)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	name := func(path string) millpond.Name { return millpond.Name{Namespace: "default", Path: path} }
	for what, test := range map[string]struct {
		loop func(func(millpond.Event, error) bool)
		want error
	}{
		"no stream":            {s.Read(t.Context(), name("/none"), ReadOptions{}), millpond.NotFound},
		"a name that is none":  {s.Follow(t.Context(), name("none"), FollowOptions{}), millpond.InvalidName},
		"reading, cancelled":   {s.Read(ended, stream1, ReadOptions{}), context.Canceled},
		"following, cancelled": {s.Follow(ended, stream1, FollowOptions{}), context.Canceled},
	} {
		calls := 0
		for _, err := range test.loop {
			if calls++; !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", what, err, test.want)
			}
		}
		if calls != 1 {
			t.Errorf("%s: %d calls", what, calls)
		}
	}
	var got error
	for e, err := range s.Read(t.Context(), stream1, ReadOptions{}) {
		if e.Offset == 5 {
			if err := s.Reset(t.Context(), stream1); err != nil {
				t.Fatal(err)
			}
		}
		got = err
	}
	if !errors.Is(got, millpond.NotFound) {
		t.Errorf("a stream that is reset while it is read: %v", got)
	}
	if _, err := s.Append(t.Context(), stream1, millpond.Input{Type: "a"}, millpond.Input{Type: "stream/created"}); !errors.Is(err, millpond.InvalidEvent) {
		t.Errorf("an event of the system: %v", err)
	}
	if _, _, err := s.State(t.Context(), name("/none")); !errors.Is(err, millpond.NotFound) {
		t.Errorf("the state of no stream: %v", err)
	}
}

// S8: Follow delivers what is there and what comes, in order, once; over a kill; up to a reset. Leaving the loop leaves
// nothing.
func TestFollowIterator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Options{Data: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(context.Background())
		s.appendTypes(t, "a", "b") // 3, 4
		kept := map[uint64]millpond.Event{}
		next := uint64(3)
		after := uint64(2)
		var last error
		for e, err := range s.Follow(t.Context(), stream1, FollowOptions{After: &after}) {
			if last = err; err != nil {
				continue
			}
			if e.Offset != next {
				t.Fatalf("offset %d, want %d", e.Offset, next)
			}
			next++
			switch e.Offset {
			case 4:
				s.appendTypes(t, "c")
			case 5:
				if err := s.gate.Trusted().Kill(t.Context(), stream1); err != nil { // its next one is stream/woken
					t.Fatal(err)
				}
			case 6:
				if _, err := s.Append(t.Context(), stream1, millpond.Input{Type: "d", Payload: []byte(`"payload"`)}); err != nil {
					t.Fatal(err)
				}
			case 7:
				clear(e.Payload) // it is the loop's own
				kept[7] = e
				if err := s.Reset(t.Context(), stream1); err != nil {
					t.Fatal(err)
				}
			}
		}
		var rebuild *RebuildError
		if !errors.As(last, &rebuild) || rebuild.Reason != millpond.OtherIncarnation || len(kept) != 1 {
			t.Errorf("ends with %v", last)
		}
		for e, err := range s.Follow(t.Context(), stream1, FollowOptions{After: new(uint64), Incarnation: rebuild.Incarnation}) {
			if err != nil || e.Offset != 1 {
				t.Errorf("again: %+v, %v", e, err)
			}
			break
		}
		_, runtime, err := s.State(t.Context(), stream1)
		if err != nil || len(runtime.Connections) != 0 {
			t.Errorf("%v: a loop that was left has left %v", err, runtime.Connections)
		}
	})
}

// Bytes that the loop gets are its own: to change them changes nothing that others read.
func TestFollowedEventIsACopy(t *testing.T) {
	s := start(t, Options{}).server
	s.appendSome(t, stream1, `"payload"`)
	for range 2 {
		after := uint64(2)
		for e, err := range s.Follow(t.Context(), stream1, FollowOptions{After: &after}) {
			if err != nil || string(e.Payload) != `"payload"` {
				t.Errorf("%s %v", e.Payload, err)
			}
			clear(e.Payload)
			break
		}
	}
}

// Close ends the loops, with an error that says so; calls after it, too.
func TestCloseEndsIterators(t *testing.T) {
	ts := start(t, Options{})
	begun, ended := make(chan struct{}), make(chan error)
	go func() {
		var last error
		for e, err := range ts.server.Follow(context.Background(), stream1, FollowOptions{After: new(uint64)}) {
			if last = err; e.Offset == 2 {
				close(begun)
			}
		}
		ended <- last
	}()
	<-begun
	ts.close(t)
	_, appended := ts.server.Append(t.Context(), stream1, millpond.Input{Type: "a"})
	var read, followed error
	for _, read = range ts.server.Read(t.Context(), stream1, ReadOptions{}) {
	}
	for _, followed = range ts.server.Follow(t.Context(), stream1, FollowOptions{}) {
	}
	for what, err := range map[string]error{"running": <-ended, "append": appended, "read": read, "follow": followed} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The API works below a path of another mux: requests, events that come, and the websocket.
func TestMountBelowPath(t *testing.T) {
	ts := start(t, Options{})
	mux := http.NewServeMux()
	mux.Handle("/pond/", http.StripPrefix("/pond", ts.server.Handler()))
	ts.Config.Handler = mux
	ts.URL += "/pond"
	ts.append(t, "/x", `{"type":"a"}`)
	if e := ts.read(t, "/x?offset=3"); e[0].Type != "a" {
		t.Errorf("%+v", e)
	}
	f := ts.follow(t, "&after=2")
	f.expect("resume")
	f.events(3)
	p := ts.connect(t, millpond.Subprotocol)
	p.send(&millpond.Subscribe{ID: 1, Stream: stream1, After: from(2), Credit: 1 << 20})
	receive[*millpond.Resume](p)
	if got := offsets(p.events(1)); got[0] != 3 {
		t.Errorf("%v", got)
	}
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest("GET", "/api/streams/default/x", nil))
	if body, _ := io.ReadAll(rec.Body); rec.Code != 404 || strings.Contains(string(body), "millpond") {
		t.Errorf("outside of the path: %d %s", rec.Code, body)
	}
}
