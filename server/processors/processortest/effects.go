package processortest

import (
	"context"
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond"
)

// effects run all work at once, in the call.
type effects[S any] struct {
	s       *Stream[S]
	scope   string // empty: each append needs a key
	appends int
	works   int
	errs    *[]error
}

// call calls the processor. Its failure is also that of its work.
func (s *Stream[S]) call(scope string, do func(millpond.Effects) error) error {
	var errs []error
	err := do(&effects[S]{s: s, scope: scope, errs: &errs})
	return errors.Join(append(errs, err)...)
}

// Append appends to the stream, or to the one that the inputs name, which nothing processes.
func (fx *effects[S]) Append(ctx context.Context, inputs ...millpond.Input) ([]millpond.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	target, err := millpond.Target(self, inputs)
	if err != nil {
		return nil, err
	}
	prepared, err := fx.s.d.Prepare(inputs, "", func() string {
		if fx.scope == "" {
			return ""
		}
		fx.appends++
		return fmt.Sprintf("@%s.%d", fx.scope, fx.appends)
	})
	if err != nil {
		return nil, err
	}
	return fx.s.stream(target).add(prepared), nil
}

// BlockWhile runs the work at once.
func (fx *effects[S]) BlockWhile(work func(context.Context, millpond.Effects) error) {
	sub := &effects[S]{s: fx.s, errs: fx.errs}
	if fx.works++; fx.scope != "" {
		sub.scope = fmt.Sprintf("%s.%d", fx.scope, fx.works)
	}
	*fx.errs = append(*fx.errs, work(context.Background(), sub))
}

// Background runs the work at once, too, so that a test sees what it does.
func (fx *effects[S]) Background(work func(context.Context, millpond.Effects) error) {
	fx.BlockWhile(work)
}
