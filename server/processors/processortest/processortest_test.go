package processortest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/processors/processortest"
)

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed string
}

type stopped struct{}

func (r *recorder) Helper()           {}
func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	panic(stopped{})
}

// fails is what the test says of a processor that gets two events x, y.
func fails[S any](t *testing.T, p millpond.Processor[S]) string {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != (stopped{}) {
				panic(p)
			}
		}()
		processortest.New(r, p).Append(millpond.Input{Type: "x"}, millpond.Input{Type: "y"})
	}()
	return r.failed
}

type contract struct{}

func (contract) Contract() millpond.Contract {
	return millpond.Contract{Slug: "p", Version: "1", Consumes: []string{"x", "y", "z"}, Emits: []string{"z"}}
}

type counts map[string]int

// mutating changes the map of the state before.
type mutating struct{ contract }

func (mutating) Reduce(s counts, e *millpond.Event) counts {
	if s == nil {
		s = counts{}
	}
	s[e.Type]++
	return s
}
func (mutating) ProcessEvent(context.Context, millpond.Effects, millpond.Step[counts]) error {
	return nil
}

// random depends on something beside its arguments.
type random struct {
	contract
	calls *int
}

func (r random) Reduce(int, *millpond.Event) int {
	*r.calls++
	return *r.calls
}
func (random) ProcessEvent(context.Context, millpond.Effects, millpond.Step[int]) error { return nil }

// forgetful has a state that JSON does not see.
type forgetful struct{ contract }

type hidden struct{ n int }

func (forgetful) Reduce(s hidden, e *millpond.Event) hidden { return hidden{s.n + 1} }
func (forgetful) ProcessEvent(context.Context, millpond.Effects, millpond.Step[hidden]) error {
	return nil
}

// acting is a sound state with an effect of the test's.
type acting struct {
	contract
	act func(millpond.Effects, millpond.Step[int]) error
}

func (acting) Reduce(s int, _ *millpond.Event) int { return s + 1 }
func (a acting) ProcessEvent(ctx context.Context, fx millpond.Effects, step millpond.Step[int]) error {
	return a.act(fx, step)
}

// batching appends for several events at once, with a key of the test's.
type batching struct {
	contract
	key func([]millpond.Step[int]) string
}

func (batching) Reduce(s int, _ *millpond.Event) int { return s + 1 }
func (b batching) ProcessBatch(ctx context.Context, fx millpond.Effects, steps []millpond.Step[int]) error {
	_, err := fx.Append(ctx, millpond.Input{Type: "z", IdempotencyKey: b.key(steps)})
	return err
}

// S15: what breaks a processor in a host breaks its test.
func TestFindsFaults(t *testing.T) {
	calls := 0
	ctx := context.Background()
	append1 := func(eventType, key string) func(millpond.Effects, millpond.Step[int]) error {
		return func(fx millpond.Effects, step millpond.Step[int]) error {
			_, err := fx.Append(ctx, millpond.Input{Type: eventType, IdempotencyKey: key})
			return err
		}
	}
	for what, test := range map[string]struct{ got, want string }{
		"a state that is changed":        {fails(t, mutating{}), "has changed the state before"},
		"a random state":                 {fails(t, random{calls: &calls}), "not pure"},
		"a state that JSON does not see": {fails(t, forgetful{}), "export its fields"},
		"a type not declared":            {fails(t, acting{act: append1("other", "")}), "emits"},
		"an answer to itself":            {fails(t, acting{act: append1("z", "")}), "answer itself"},
		"an error":                       {fails(t, acting{act: func(millpond.Effects, millpond.Step[int]) error { return errors.New("sorry") }}), "sorry"},
		"other keys each time": {fails(t, acting{act: func(fx millpond.Effects, step millpond.Step[int]) error {
			calls++
			if step.Event.Type != "x" {
				return nil
			}
			return append1("z", fmt.Sprint(calls))(fx, step)
		}}), "a second time"},
		"a batch without a key": {fails(t, batching{key: func([]millpond.Step[int]) string { return "" }}), "needs an idempotency key"},
		"a batch with a key of where it ends": {fails(t, batching{key: func(steps []millpond.Step[int]) string {
			return steps[len(steps)-1].Key("reply")
		}}), "a second time"},
		"work that fails": {fails(t, acting{act: func(fx millpond.Effects, _ millpond.Step[int]) error {
			fx.BlockWhile(func(context.Context, millpond.Effects) error { return errors.New("sorry") })
			return nil
		}}), "sorry"},
	} {
		if !strings.Contains(test.got, test.want) {
			t.Errorf("%s: the test said %q, want something with %q", what, test.got, test.want)
		}
	}
}

// A sound processor passes, and its effects are where they belong.
func TestSound(t *testing.T) {
	s := processortest.New(t, acting{act: func(fx millpond.Effects, step millpond.Step[int]) error {
		if step.Event.Type != "x" {
			return nil
		}
		if _, err := fx.Append(context.Background(), millpond.Input{Type: "z"}, millpond.Input{Type: "z"}); err != nil {
			return err
		}
		fx.Background(func(ctx context.Context, fx millpond.Effects) error {
			_, err := fx.Append(ctx, millpond.Input{Type: "z", Stream: "../audit"})
			return err
		})
		return nil
	}})
	s.Append(millpond.Input{Type: "x"}, millpond.Input{Type: "y"})
	if z, other := s.Events("z"), s.Other("/audit"); len(z) != 2 || z[0].Offset != 3 || z[0].Source.Processor.Slug != "p" || len(other) != 1 {
		t.Errorf("appended %+v and %+v", z, other)
	}
	if s.State() != 4 || len(s.Events()) != 4 {
		t.Errorf("state %d of %d events", s.State(), len(s.Events()))
	}
}
