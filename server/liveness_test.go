package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
)

// inBubble runs a test with fake time against a server on a network in memory.
func inBubble(t *testing.T, window int, test func(t *testing.T, s *Server, n *fakeNet)) {
	inBubbleWith(t, window, Options{}, test)
}

func inBubbleWith(t *testing.T, window int, opts Options, test func(t *testing.T, s *Server, n *fakeNet)) {
	synctest.Test(t, func(t *testing.T) {
		opts.Data, opts.Logger = t.TempDir(), slog.New(slog.DiscardHandler)
		s, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		n := newFakeNet(window)
		h := &http.Server{Handler: s.Handler()}
		serving := make(chan error, 1)
		go func() { serving <- h.Serve(n) }()
		defer func() {
			if err := s.Close(context.Background()); err != nil {
				t.Error(err)
			}
			h.Close()
			<-serving
		}()
		test(t, s, n)
	})
}

func (s *Server) appendSome(t *testing.T, name millpond.Name, payloads ...string) {
	t.Helper()
	var inputs []millpond.Input
	for _, p := range payloads {
		inputs = append(inputs, millpond.Input{Type: "a", Payload: json.RawMessage(p)})
	}
	if _, err := s.gate.Trusted().Append(context.Background(), name, inputs); err != nil {
		t.Fatal(err)
	}
}

// Who opens a websocket and says nothing is disconnected.
func TestHelloDeadline(t *testing.T) {
	inBubble(t, 64<<10, func(t *testing.T, _ *Server, n *fakeNet) {
		p := connectFake(t, n)
		begin := time.Now()
		if e := receive[*millpond.ErrorMessage](p); e.Code != millpond.InvalidRequest || !strings.Contains(e.Message, "no hello within 10s") {
			t.Errorf("%+v", e)
		}
		if waited := time.Since(begin); waited != helloTimeout {
			t.Errorf("after %v", waited)
		}
		p.closed(4400)
	})
}

// B7: a silent client is asked after the probe interval; one that answers stays, one that does not is disconnected.
func TestProbe(t *testing.T) {
	inBubble(t, 64<<10, func(t *testing.T, _ *Server, n *fakeNet) {
		p := connectFake(t, n)
		p.hello()
		for nonce := uint64(1); nonce <= 3; nonce++ {
			begin := time.Now()
			ping := receive[*millpond.Ping](p)
			if waited := time.Since(begin); ping.Nonce != nonce || waited != millpond.ProbeInterval {
				t.Fatalf("%+v after %v", ping, waited)
			}
			if nonce < 3 {
				p.send(&millpond.Pong{Nonce: nonce})
			}
		}
		begin := time.Now()
		receive[error](p)
		if waited := time.Since(begin); waited != millpond.ProbeTimeout {
			t.Errorf("disconnected after %v", waited)
		}
	})
}

// B7: whatever is heard counts as life: no ping while the client speaks.
func TestNoProbeWhileHeard(t *testing.T) {
	inBubble(t, 64<<10, func(t *testing.T, _ *Server, n *fakeNet) {
		p := connectFake(t, n)
		p.hello()
		for i := range uint64(5) {
			time.Sleep(millpond.ProbeInterval - time.Millisecond)
			p.send(&millpond.Ping{Nonce: i})
			receive[*millpond.Pong](p)
		}
	})
}

// S8: a client that grants no credit is sent nothing, however much there is.
func TestNoCredit(t *testing.T) {
	inBubble(t, 1<<20, func(t *testing.T, s *Server, n *fakeNet) {
		s.appendSome(t, stream1, "1", "2", "3")
		p := connectFake(t, n)
		p.hello()
		p.send(&millpond.Subscribe{ID: 1, Stream: stream1, After: from(0)})
		receive[*millpond.Resume](p)
		s.appendSome(t, stream1, "4")
		synctest.Wait() // everything that can happen has happened
		p.send(&millpond.Ping{Nonce: 1})
		receive[*millpond.Pong](p)
		p.send(&millpond.Credit{ID: 1, Bytes: 1})
		b := receive[*millpond.Batch](p)
		if got := records(t, b); len(got) != 1 || got[0].Offset != 1 {
			t.Errorf("for a byte of credit: offsets %v", offsets(got))
		}
		synctest.Wait()
		p.send(&millpond.Ping{Nonce: 2})
		receive[*millpond.Pong](p)
	})
}

// S8: a client that does not read costs nobody else; when nothing can be sent for too long it is disconnected.
func TestSlowClient(t *testing.T) {
	inBubble(t, 16<<10, func(t *testing.T, s *Server, n *fakeNet) {
		s.appendSome(t, stream1, "1")
		slow, fast := connectFake(t, n), connectFake(t, n)
		for _, p := range []*peer{slow, fast} {
			p.hello()
			p.send(&millpond.Subscribe{ID: 1, Stream: stream1, After: from(2), Credit: 32 << 20})
			receive[*millpond.Resume](p)
		}
		payload := fmt.Sprintf("%q", strings.Repeat("x", 10_000))
		begin := time.Now()
		for range 20 {
			s.appendSome(t, stream1, payload)
		}
		for i, e := range fast.events(21) {
			if e.Offset != uint64(i)+3 {
				t.Fatalf("offset %d at index %d", e.Offset, i)
			}
		}
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("the slow client has cost the fast one %v", waited)
		}
		for s.connections() > 1 {
			if time.Since(begin) > 2*sendTimeout {
				t.Fatal("the slow client is still connected")
			}
			time.Sleep(time.Second)
			fast.send(&millpond.Pong{})
		}
	})
}

func (s *Server) connections() int {
	s.clients.mu.Lock()
	defer s.clients.mu.Unlock()
	return len(s.clients.all)
}

// A drain does not wait for a client that does not answer.
func TestDrainUnresponsive(t *testing.T) {
	inBubble(t, 16<<10, func(t *testing.T, s *Server, n *fakeNet) {
		p := connectFake(t, n)
		p.hello()
		begin := time.Now()
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if waited := time.Since(begin); waited > leaveTimeout {
			t.Errorf("closed after %v", waited)
		}
		receive[*millpond.Goaway](p)
		p.closed(websocket.StatusGoingAway)
	})
}
