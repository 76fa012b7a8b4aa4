package circuitbreaker_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/host"
	"github.com/millpond-dev/millpond/server/processors"
	"github.com/millpond-dev/millpond/server/processors/circuitbreaker"
	"github.com/millpond-dev/millpond/server/processors/processortest"
	"github.com/millpond-dev/millpond/server/store/memory"
	"github.com/millpond-dev/millpond/server/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an engine and a host with the processors that come with the server, in a bubble of fake time.
type server struct {
	t      *testing.T
	engine *stream.Engine
}

var name = millpond.Name{Namespace: millpond.DefaultNamespace, Path: "/s"}

func run(t *testing.T, test func(*server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h, err := host.New(processors.BuiltIn(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		e, err := stream.Open(stream.Options{Store: memory.New(memory.Options{}), Logger: slog.New(slog.DiscardHandler),
			Registered: h.Registered, Changed: h.Changed})
		if err != nil {
			t.Fatal(err)
		}
		h.Start(host.On(e))
		test(&server{t, e})
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func (s *server) append(eventType, payload string) error {
	in := millpond.Input{Type: eventType}
	if payload != "" {
		in.Payload = json.RawMessage(payload)
	}
	if err := in.ValidateClient(); err != nil {
		s.t.Fatal(err)
	}
	_, err := s.engine.Append(context.Background(), name, []millpond.Input{in})
	synctest.Wait()
	return err
}

func (s *server) must(eventType, payload string) {
	s.t.Helper()
	if err := s.append(eventType, payload); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) state() millpond.State {
	s.t.Helper()
	state, _, err := s.engine.State(context.Background(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// pauses are the offsets and reasons of stream/paused.
func (s *server) pauses() (reasons []string) {
	events, err := s.engine.Read(context.Background(), name, stream.ReadOptions{Limit: 1000, Types: []string{millpond.TypePaused}})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range events {
		var p millpond.PausedPayload
		if err := json.Unmarshal(e.Payload, &p); err != nil {
			s.t.Fatal(err)
		}
		reasons = append(reasons, p.Reason)
	}
	return reasons
}

const subscribe = `{"key":"breaker","processor":"circuit-breaker"}`

// S16: too many events at once pause the stream, with a reason that tells; resumed, it has a full bucket and goes on.
func TestTrips(t *testing.T) {
	run(t, func(s *server) {
		s.must(millpond.TypeSubscriptionConfigured, subscribe)
		s.must(circuitbreaker.TypeConfigured, `{"burstCapacity":6,"refillPerMinute":60}`)
		for range 6 {
			s.must("x", "")
		}
		if s.state().Paused {
			t.Fatal("paused by as many as the bucket holds")
		}
		s.must("one more", "") // it is committed: the breaker acts after the fact
		if got := s.state(); !got.Paused || !strings.Contains(got.PauseReason, "more than 6 at once and 60 a minute") {
			t.Fatalf("not paused, or without a reason: %+v", got)
		}
		if err := s.append("x", ""); err == nil || !strings.Contains(err.Error(), "circuit breaker") {
			t.Errorf("an append to the paused stream: %v", err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := len(s.pauses()); got != 1 {
			t.Errorf("paused %d times, want once", got)
		}

		s.must(millpond.TypeResumed, "")
		for range 6 {
			s.must("x", "")
		}
		if s.state().Paused {
			t.Fatal("resumed, it had no full bucket")
		}
		time.Sleep(3 * time.Second) // brings back 3
		for range 3 {
			s.must("x", "")
		}
		if s.state().Paused {
			t.Error("time has brought nothing back")
		}
		s.must("one more", "")
		if got := s.pauses(); !s.state().Paused || len(got) != 2 || got[0] == got[1] {
			t.Errorf("paused by %q", got)
		}
	})
}

// S16: level-triggered: it tripped in the history that it only folds, and pauses with the first live event.
func TestTrippedInReplay(t *testing.T) {
	run(t, func(s *server) {
		s.must(circuitbreaker.TypeConfigured, `{"burstCapacity":2,"refillPerMinute":0}`)
		for range 5 {
			s.must("x", "")
		}
		s.must(millpond.TypeSubscriptionConfigured, subscribe)
		if s.state().Paused {
			t.Fatal("history has paused the stream")
		}
		s.must("live", "")
		if !s.state().Paused || len(s.pauses()) != 1 {
			t.Fatal("a live event has not paused the stream")
		}
	})
}

// S16: what tripped in history and was resumed there is over.
func TestTrippedAndResumedInReplay(t *testing.T) {
	run(t, func(s *server) {
		s.must(circuitbreaker.TypeConfigured, `{"burstCapacity":3,"refillPerMinute":0}`)
		for range 5 {
			s.must("x", "")
		}
		s.must(millpond.TypePaused, `{"reason":"by hand"}`)
		s.must(millpond.TypeResumed, "")
		s.must(millpond.TypeSubscriptionConfigured, subscribe)
		s.must("live", "")
		if s.state().Paused {
			t.Error("paused for what is over")
		}
	})
}

// S16: a trip pauses once: events that were committed before the pause do not pause again, not even when somebody has
// resumed meanwhile.
func TestTripIsIdempotent(t *testing.T) {
	run(t, func(s *server) {
		s.must(circuitbreaker.TypeConfigured, `{"burstCapacity":4,"refillPerMinute":0}`)
		s.must(millpond.TypeSubscriptionConfigured, subscribe)
		batch := slices.Repeat([]millpond.Input{{Type: "x"}}, 20)
		batch = append(batch, millpond.Input{Type: millpond.TypePaused, Payload: []byte(`{"reason":"by hand"}`)})
		if _, err := s.engine.Append(context.Background(), name, batch); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := s.pauses(); len(got) != 1 || got[0] != "by hand" {
			t.Errorf("paused by %q", got)
		}
		s.must(millpond.TypeResumed, "")
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := s.pauses(); len(got) != 1 {
			t.Errorf("paused by %q", got)
		}
	})

	// It has paused, and somebody has resumed, while it still looks at events from before both: the key is that of the trip.
	s := processortest.New(t, circuitbreaker.Processor{})
	s.Append(millpond.Input{Type: circuitbreaker.TypeConfigured, Payload: []byte(`{"burstCapacity":1,"refillPerMinute":0}`)})
	s.Append(slices.Repeat([]millpond.Input{{Type: "x"}}, 10)...)
	paused := s.Events(millpond.TypePaused)
	if len(paused) != 1 || paused[0].IdempotencyKey != "circuit-breaker/tripped/3" {
		t.Errorf("paused by %+v", paused)
	}
}

// S16: settings that are not valid change nothing, and what the system itself records counts for nothing.
func TestSettings(t *testing.T) {
	var s circuitbreaker.State
	p, offset := circuitbreaker.Processor{}, uint64(0)
	reduce := func(eventType, payload string) circuitbreaker.State {
		offset++
		s = p.Reduce(s, &millpond.Event{Offset: offset, Type: eventType, Payload: []byte(payload), CreatedAt: time.Unix(1, 0)})
		return s
	}
	for _, payload := range []string{`{}`, `7`, ``, `{"burstCapacity":0,"refillPerMinute":1}`, `{"burstCapacity":1,"refillPerMinute":-1}`,
		`{"burstCapacity":1000001,"refillPerMinute":1}`, `{"burstCapacity":1,"refillPerMinute":1000001}`, `{"burstCapacity":1.5,"refillPerMinute":1}`} {
		if got := reduce(circuitbreaker.TypeConfigured, payload).Bucket.Settings; got.BurstCapacity != circuitbreaker.DefaultBurstCapacity {
			t.Errorf("%s was taken: %+v", payload, got)
		}
	}
	if got := reduce(circuitbreaker.TypeConfigured, `{"burstCapacity":2,"refillPerMinute":0}`).Bucket.Settings; got.BurstCapacity != 2 {
		t.Errorf("valid settings were not taken: %+v", got)
	}
	for range 100 {
		for _, eventType := range []string{millpond.TypeWoken, millpond.TypeErrorOccurred, millpond.TypeSubscriberConnected} {
			if reduce(eventType, `{}`).TrippedAt != 0 {
				t.Fatalf("%s has tripped it", eventType)
			}
		}
	}
}
