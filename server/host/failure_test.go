package host

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/stream"
)

// failing is a probe that fails in some way for the events of type "bad", as often as left says.
func failing(slug string, how func(context.Context) error) (p *probe, left *int) {
	left = new(int)
	p = newProbe(slug, "x", "bad")
	p.event = func(ctx context.Context, _ millpond.Effects, step millpond.Step[tally]) error {
		if step.Event.Type != "bad" || *left == 0 {
			return nil
		}
		*left--
		return how(ctx)
	}
	return p, left
}

// S14: after a failure the same event comes again, from the durable checkpoint, in another generation; what came before it in
// its batch does not.
func TestRetry(t *testing.T) {
	for what, how := range map[string]func(context.Context) error{
		"an error": func(context.Context) error { return errPlanted },
		"a panic":  func(context.Context) error { panic(errPlanted) },
		"an end of the goroutine": func(context.Context) error {
			runtime.Goexit()
			return nil
		},
		"too slow": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		t.Run(what, func(t *testing.T) {
			p, left := failing("p", how)
			inBubble(t, define(p), func(r *rig) {
				n := r.hosting("p")
				*left = maxAttempts - 1
				r.append(n, input("x"), input("x"), input("bad"), input("x")) // from 5 on
				r.pass(maxAttempts * (maxBackoff + callTimeout))
				equal(t, "calls", p.offsets(), []uint64{5, 6, 7, 7, 7, 8})
				got := r.status(n, "k")
				if got.Phase != Live || got.Generation != maxAttempts || got.Failures != 0 || got.LastError == "" || got.Offset != 8 {
					t.Errorf("status: %+v", got)
				}
				if strings.Contains(got.LastError, "planted") {
					t.Errorf("the status tells clients of the inside: %s", got.LastError)
				}
				if len(r.log(n, millpond.TypeErrorOccurred)) != 0 {
					t.Error("an error was appended, although it has passed")
				}
			})
		})
	}
}

// S14: after 3 failures in a row the stream is told, once, and the processor is left alone; others are not concerned. It runs again when
// it is configured again.
func TestPoison(t *testing.T) {
	p, left := failing("p", func(context.Context) error { panic("secret") })
	q := newProbe("q", "x", "bad")
	inBubble(t, define(p, q), func(r *rig) {
		n := name("/s")
		*left = 1000
		r.append(n, configure("k", "p"), configure("l", "q"))
		r.settle()
		r.append(n, input("x"), input("bad"), input("x")) // 7, 8, 9
		r.pass(time.Hour)
		equal(t, "calls", p.offsets(), []uint64{7, 8, 8, 8})
		equal(t, "calls of the other", q.offsets(), []uint64{7, 8, 9})
		r.phase("failed", n, "k", Failed)
		r.phase("the other", n, "l", Live)
		if got := r.status(n, "k"); got.Checkpoint != 7 || got.Lag != 3 || got.Failures != maxAttempts {
			t.Errorf("status: %+v", got)
		}
		told := r.log(n, millpond.TypeErrorOccurred)
		if len(told) != 1 {
			t.Fatalf("%d errors were appended, want 1", len(told))
		}
		var payload millpond.ErrorOccurredPayload
		if err := json.Unmarshal(told[0].Payload, &payload); err != nil || payload.Subscription != "k" || payload.Offset != 8 ||
			payload.Attempts != maxAttempts || payload.Processor.Slug != "p" || strings.Contains(payload.Message, "secret") {
			t.Errorf("told %s", told[0].Payload)
		}
		if !strings.Contains(r.logged.String(), "secret") || !strings.Contains(r.logged.String(), "failure_test.go") {
			t.Error("the log does not say with what, and where, the processor has panicked")
		}

		// The same after a restart, and the stream is not told twice.
		r.restart()
		r.pass(time.Hour)
		equal(t, "calls after a restart", p.offsets(), []uint64{8, 8, 8})
		r.phase("after a restart", n, "k", Failed)
		if len(r.log(n, millpond.TypeErrorOccurred)) != 1 {
			t.Error("the stream was told again")
		}

		*left = 1
		r.append(n, configure("k", "p"))
		r.pass(time.Minute)
		r.phase("configured again", n, "k", Live)
		equal(t, "calls", p.offsets(), []uint64{8, 8, 9})
	})
}

// S14, S15: Reduce that panics, and a state that cannot be kept, are failures of the processor like others.
func TestPoisonedState(t *testing.T) {
	for what, reduce := range map[string]func(s tally, e *millpond.Event) tally{
		"reduce panics": func(s tally, e *millpond.Event) tally { panic("reduce") },
	} {
		t.Run(what, func(t *testing.T) {
			p := newProbe("p", "bad")
			p.reduce = reduce
			inBubble(t, define(p), func(r *rig) {
				n := name("/s")
				r.append(n, configure("k", "p"))
				r.append(n, input("bad"))
				r.pass(time.Hour)
				r.phase(what, n, "k", Failed)
				if got := r.log(n, millpond.TypeErrorOccurred); len(got) != 1 {
					t.Errorf("%d errors were appended, want 1", len(got))
				}
				equal(t, "calls", p.offsets(), nil)
			})
		})
	}
	t.Run("the state is too large", func(t *testing.T) {
		inBubble(t, []millpond.Definition{millpond.Define[string](hoarder{})}, func(r *rig) {
			n := name("/s")
			r.append(n, configure("k", "hoarder"))
			r.append(n, inputs(20, "x")...)
			r.pass(time.Hour)
			r.phase("too large", n, "k", Failed)
		})
	})
}

// hoarder's state grows by a tenth of what it may be with each event.
type hoarder struct{}

func (hoarder) Contract() millpond.Contract {
	return millpond.Contract{Slug: "hoarder", Version: "1", Consumes: []string{"x"}}
}

func (hoarder) Reduce(s string, e *millpond.Event) string {
	return s + strings.Repeat("x", maxStateBytes/10)
}

// S14: a recovery that fails itself, for however long, does not wedge the processor: it waits longer and longer, and goes
// on when it can. What the store does is no reason to give up a processor.
func TestRecoveryFails(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, input("x")) // 5
		r.settle()
		p.offsets()
		r.plant(checkpoints, nil)
		r.append(n, input("x")) // 6
		r.pass(24 * time.Hour)
		r.phase("no checkpoint can be written", n, "k", BackingOff)
		calls := len(p.offsets())
		if least, most := int(24*time.Hour/(2*maxBackoff)), int(24*time.Hour/(maxBackoff/2))+20; calls < least || calls > most {
			t.Errorf("%d attempts in a day, want %d to %d", calls, least, most)
		}
		if got := r.checkpoint(n, "k").Offset; got != 5 {
			t.Errorf("the checkpoint is at %d, want 5", got)
		}
		r.plant(nil, nil)
		r.pass(2 * maxBackoff)
		r.phase("up again", n, "k", Live)
		equal(t, "calls", p.offsets(), []uint64{6})
		if got := r.checkpoint(n, "k"); got.Offset != 6 || string(got.State) != `{"events":2,"last":6}` {
			t.Errorf("the checkpoint is %+v", got)
		}
	})
}

// S15: the checkpoint is written before memory advances: when that fails, or its answer is lost, each event is folded once
// all the same.
func TestCheckpointFails(t *testing.T) {
	for what, plant := range map[string]func(r *rig){
		"refused":         func(r *rig) { r.plant(checkpoints, nil) },
		"its answer lost": func(r *rig) { r.plant(nil, checkpoints) },
	} {
		t.Run(what, func(t *testing.T) {
			p := newProbe("p", "x")
			inBubble(t, define(p), func(r *rig) {
				n := r.hosting("p")
				plant(r)
				r.append(n, inputs(3, "x")...) // 5, 6, 7
				r.settle()
				if got := r.status(n, "k"); got.Offset >= 7 || got.Phase != BackingOff {
					t.Errorf("status: %+v: memory is ahead of the checkpoint", got)
				}
				r.plant(nil, nil)
				r.pass(time.Minute)
				if got := r.checkpoint(n, "k"); string(got.State) != `{"events":3,"last":7}` {
					t.Errorf("the state is %s", got.State)
				}
			})
		})
	}
}

// S14: processors that fail, panic, are slow or never return hold up neither the stream nor another processor.
func TestOthersUnhurt(t *testing.T) {
	good, elsewhere := newProbe("good", "x"), newProbe("elsewhere", "x") // a probe is for one stream: it finds overlapping calls
	bad := newProbe("bad", "x")
	bad.event = func(context.Context, millpond.Effects, millpond.Step[tally]) error { return errPlanted }
	panics := newProbe("panics", "x")
	panics.event = func(context.Context, millpond.Effects, millpond.Step[tally]) error { panic("!") }
	slow := newProbe("slow", "x")
	slow.event = func(context.Context, millpond.Effects, millpond.Step[tally]) error {
		time.Sleep(10 * time.Second)
		return nil
	}
	blocked := newProbe("blocked", "x")
	inBubble(t, define(good, elsewhere, bad, panics, slow, blocked), func(r *rig) {
		release := make(chan struct{})
		blocked.event = func(context.Context, millpond.Effects, millpond.Step[tally]) error {
			<-release
			return nil
		}
		n, other := name("/s"), name("/other")
		for _, slug := range []string{"bad", "panics", "slow", "blocked", "good"} {
			r.append(n, configure(slug, slug))
		}
		r.append(other, configure("good", "elsewhere"))
		r.settle()
		began := time.Now()
		for range 100 {
			r.append(n, input("x"))
			r.append(other, input("x"))
			r.settle()
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("appends and the good processor have waited %v", took)
		}
		if got, beside := len(good.offsets()), len(elsewhere.offsets()); got != 100 || beside != 100 {
			t.Errorf("the good processors have seen %d and %d events, want 100 each", got, beside)
		}
		r.pass(time.Hour)
		for key, want := range map[string]Phase{"bad": Failed, "panics": Failed, "slow": Live, "good": Live} {
			r.phase(key, n, key, want)
		}
		if got := r.status(n, "blocked"); got.BusySince == nil || got.Lag < 100 {
			t.Errorf("blocked: %+v", got)
		}
		if !strings.Contains(r.logged.String(), "has not returned in time") {
			t.Error("nobody was told of the blocked one")
		}
		close(release)
	})
}

// S14: a processor that does not return at the end is named, left behind, and can do no more to the streams.
func TestCloseLeavesBehind(t *testing.T) {
	p := newProbe("p", "x")
	p.contract.Emits = []string{"y"}
	inBubble(t, define(p), func(r *rig) {
		release, appended := make(chan struct{}), make(chan error, 1)
		p.event = func(_ context.Context, fx millpond.Effects, _ millpond.Step[tally]) error {
			<-release
			_, err := fx.Append(context.Background(), input("y"))
			appended <- err
			return err
		}
		n := name("/s")
		r.append(n, configure("k", "p"), input("x"))
		r.settle()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := r.host.Close(ctx); err == nil || !strings.Contains(err.Error(), "k on default:/s") {
			t.Errorf("close: %v, want the name of the processor", err)
		}
		if err := r.engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
		close(release)
		if err := <-appended; err == nil {
			t.Error("it has appended after the end")
		}
		r.store = r.store.Reopen()
		r.start()
		r.settle()
		<-appended
	})
}

// S14: a call that runs may finish when the host is closed, and its checkpoint is written: it does not come again.
func TestCloseFinishesCalls(t *testing.T) {
	p := newProbe("p", "x")
	p.event = func(ctx context.Context, _ millpond.Effects, _ millpond.Step[tally]) error {
		time.Sleep(stopGrace / 2)
		return ctx.Err()
	}
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, input("x"), input("x"))
		r.settle()
		r.restart()
		r.pass(time.Minute)
		equal(t, "calls", p.offsets(), []uint64{5, 6})
	})
}

// S14: a stream that is killed again and again, and one whose tail the store cannot read, is followed from where it was.
func TestKill(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		want := 0
		for range 20 {
			if err := r.engine.Kill(context.Background(), n); err != nil {
				t.Fatal(err)
			}
			r.append(n, input("x"))
			want++
			r.pass(maxBackoff)
		}
		r.pass(time.Minute)
		if got := r.checkpoint(n, "k"); !strings.HasPrefix(string(got.State), `{"events":20,`) {
			t.Errorf("the state is %s", got.State)
		}
		if got := len(p.offsets()); got != want {
			t.Errorf("%d calls, want %d", got, want)
		}
	})
}

// S14: a checkpoint that is corrupt is told, not guessed; to configure the subscription with an anchor makes a new one.
func TestCorruptCheckpoint(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, input("x"))
		r.settle()
		r.stop()
		r.store = r.store.Reopen()
		head, err := r.store.Head(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		err = r.store.Commit(context.Background(), []store.Batch{{Stream: head.Stream, After: head.Offset,
			Checkpoints: []store.Checkpoint{{Key: "k", Data: []byte("12345678{}")}}}})
		if err != nil {
			t.Fatal(err)
		}
		r.start()
		r.pass(time.Hour)
		r.phase("corrupt", n, "k", Failed)
		if got := r.status(n, "k").LastError; !strings.Contains(got, "corrupt") {
			t.Errorf("the status says %q", got)
		}
		p.offsets()
		r.append(n, anchored("k", "p", 4))
		r.phase("configured again", n, "k", Live)
		equal(t, "calls", p.offsets(), []uint64{5})
	})
}

// S14: the time between attempts doubles, within bounds, and differs from one to another.
func TestBackoff(t *testing.T) {
	for failures := range 40 {
		want := maxBackoff
		if failures < 10 {
			want = min(maxBackoff, minBackoff<<max(0, failures-1))
		}
		seen := map[time.Duration]bool{}
		for range 100 {
			d := backoff(failures)
			seen[d] = true
			if d < want/2 || d >= want*3/2 {
				t.Errorf("after %d failures: %v, want %v give or take a half", failures, d, want)
			}
		}
		if len(seen) < 50 {
			t.Errorf("after %d failures: always the same", failures)
		}
	}
}

// Definitions that cannot work are refused, with what is wrong.
func TestNew(t *testing.T) {
	p := newProbe("p", "x")
	if _, err := New(define(p, p), nil); err == nil || !strings.Contains(err.Error(), "p") {
		t.Errorf("two with the same slug: %v", err)
	}
	if _, err := New([]millpond.Definition{{}}, nil); err == nil {
		t.Error("an empty definition was taken")
	}
}

// A host that was never started closes.
func TestCloseWithoutStart(t *testing.T) {
	h, err := New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// S14: a log that ends before the checkpoint, of a store that was put together from two backups, is folded again, without
// effects for what was acted on.
func TestLogBehindCheckpoint(t *testing.T) {
	p := newProbe("p", "x")
	inBubble(t, define(p), func(r *rig) {
		n := r.hosting("p")
		r.append(n, input("x"), input("x"))
		r.settle()
		p.offsets()
		if err := r.host.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		s := r.state(n)
		ahead := record{Processor: millpond.ProcessorID{Slug: "p", Version: "1"}, ConfiguredAt: 3, Anchor: 3, Offset: 8, State: []byte(`{"events":70}`)}
		data, err := ahead.encode()
		if err != nil {
			t.Fatal(err)
		}
		as := stream.Outbound{Incarnation: s.CreatedAt, Key: "k", ConfiguredAt: 3}
		if err := r.engine.SaveCheckpoint(context.Background(), n, as, data); err != nil {
			t.Fatal(err)
		}
		r.restart() // woken: 7
		r.settle()
		r.append(n, input("x"), input("x")) // 8, 9
		r.settle()
		equal(t, "calls", p.offsets(), []uint64{9})
		if got := r.checkpoint(n, "k"); string(got.State) != `{"events":4,"last":9}` {
			t.Errorf("the state is %s", got.State)
		}
	})
}
