package store

import "errors"

// The kinds of failure that callers tell apart, with errors.Is.
var (
	ErrNoStream     = errors.New("no such stream")                 // the name, or that incarnation of it, or the offset
	ErrNoCheckpoint = errors.New("no such checkpoint")             // the stream has none under the key
	ErrConflict     = errors.New("batch does not follow the log")  // somebody else wrote, or the caller's head is wrong
	ErrLocked       = errors.New("data directory is in use")       // by another process
	ErrCorrupt      = errors.New("database is corrupt")            // what is stored contradicts itself
	ErrForeign      = errors.New("not a Millpond database")        // a database of another program
	ErrNewerSchema  = errors.New("database is of a newer version") // written by a later release
	ErrFull         = errors.New("disk is full")                   // nothing was committed
	ErrClosed       = errors.New("store is closed")
)

// Error is a failure of a store that the operator must deal with.
type Error struct {
	Kind error  // one of the errors above
	Path string // the file or directory at fault
	Hint string // what to do
	Err  error  // the cause; may be nil
}

func (e *Error) Error() string {
	s := e.Path + ": " + e.Kind.Error()
	if e.Err != nil {
		s += " (" + e.Err.Error() + ")"
	}
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}
