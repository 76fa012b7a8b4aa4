package stream

import (
	"context"
	"errors"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// EndError says why a subscription has ended.
type EndError struct{ Reason millpond.EndReason }

func (e *EndError) Error() string { return "subscription ended: " + string(e.Reason) }

var (
	errClosed   = &millpond.Error{Code: millpond.Unavailable, Message: "the server is shutting down: try again soon"}
	errNoStream = &millpond.Error{Code: millpond.NotFound, Message: "there is no such stream: append an event to create it"}
	errNoEvent  = &millpond.Error{Code: millpond.NotFound, Message: "the stream has no such event"}
	errFull     = &millpond.Error{Code: millpond.Unavailable, Message: "the server's disk is full: nothing was appended; try again later"}
	errConflict = &millpond.Error{Code: millpond.Unavailable, Message: "the stream was changed by somebody else: try again"}
	errInternal = &millpond.Error{Code: millpond.Internal, Message: "the server could not read or write its log, and says why in its own: an append may have been made; with an idempotency key it can be tried again"}
)

// answer is what a caller is told of a failure of the store.
func answer(err error) error {
	var told *millpond.Error
	switch {
	case err == nil, errors.As(err, &told),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, store.ErrNoStream):
		return errNoStream
	case errors.Is(err, store.ErrFull):
		return errFull
	case errors.Is(err, store.ErrConflict):
		return errConflict
	case errors.Is(err, store.ErrClosed):
		return errClosed
	}
	return errInternal
}

// problem is answer, and logs what the caller is not told.
func (e *Engine) problem(what string, err error) error {
	told := answer(err)
	if errors.Is(told, millpond.Internal) && told != err {
		e.log.Error("store failed", "operation", what, "error", err)
	}
	return told
}
