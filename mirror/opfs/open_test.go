package opfs

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The errors of browsers are sorted by what can be done about them.
func TestErrorSorts(t *testing.T) {
	kinds := []error{ErrUnavailable, ErrBusy, ErrFull, ErrLost}
	for name, kind := range map[string]error{
		"SecurityError": ErrUnavailable, "UnknownError": ErrUnavailable, "NotSupportedError": ErrUnavailable,
		"NoModificationAllowedError": ErrBusy, "InvalidStateError": ErrBusy, "QuotaExceededError": ErrFull,
		"NotFoundError": ErrLost, "TypeError": nil,
	} {
		err := error(&Error{Op: "open", Name: name, Message: "words"})
		for _, k := range kinds {
			if errors.Is(err, k) != (k == kind) {
				t.Errorf("%v is %v: %t", err, k, errors.Is(err, k))
			}
		}
	}
}

// A handle that somebody has closed is not one that somebody else has: waiting does not help. B16
func TestClosedHandleIsLost(t *testing.T) {
	for _, op := range []string{"read", "write", "truncate", "flush", "size"} {
		if err := error(&Error{Op: op, Name: "InvalidStateError"}); !errors.Is(err, ErrLost) || errors.Is(err, ErrBusy) {
			t.Errorf("%v is not lost", err)
		}
	}
}

func TestRetry(t *testing.T) {
	busy := &Error{Op: "open", Name: "NoModificationAllowedError"}
	missing := &Error{Op: "open", Name: "NotSupportedError"}
	for name, c := range map[string]struct {
		outcomes func(since time.Duration) error
		want     error
		atMost   time.Duration
	}{
		"at once":       {func(time.Duration) error { return nil }, nil, 0},
		"never":         {func(time.Duration) error { return missing }, ErrUnavailable, 0},
		"left soon":     {func(d time.Duration) error { return when(d < 100*time.Millisecond, busy) }, nil, 200 * time.Millisecond},
		"held for ever": {func(time.Duration) error { return busy }, ErrBusy, openPatience},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := retry(t.Context(), func() error { return c.outcomes(time.Since(start)) })
				if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if d := time.Since(start); d > c.atMost {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}

func TestRetryCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := retry(ctx, func() error { return &Error{Op: "open", Name: "InvalidStateError"} })
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
	})
}

func when(condition bool, err error) error {
	if condition {
		return err
	}
	return nil
}
