package host

import (
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond"
)

// failure is a failure of a processor, at an event. Other errors are the host's, or those of what it stands on: they are no
// reason to give a processor up.
type failure struct {
	offset uint64
	err    error
}

func (f *failure) Error() string { return fmt.Sprintf("at offset %d: %v", f.offset, f.err) }
func (f *failure) Unwrap() error { return f.err }

// panicked is what a processor has panicked with.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// passing reports whether the error of an append may go away by itself.
func passing(err error) bool {
	return errors.Is(err, millpond.Unavailable) || errors.Is(err, millpond.Internal) ||
		errors.Is(err, millpond.RateLimited) || errors.Is(err, millpond.StreamPaused)
}

// public is what clients may know of an error: the texts of processors may hold what is not for them, but for those made
// to be told.
func public(err error) string {
	if err == nil {
		return ""
	}
	var told *millpond.Error
	var own *failure
	var panicked *panicked
	text := "the server's log says why"
	switch {
	case errors.As(err, &told):
		text = told.Error()
	case errors.As(err, &panicked):
		text = "the processor has panicked: the server's log says more"
	case errors.Is(err, errCorrupt):
		text = errCorrupt.Error()
	}
	if errors.As(err, &own) {
		text = fmt.Sprintf("at offset %d: %s", own.offset, text)
	}
	return text[:min(len(text), maxErrorBytes)]
}
