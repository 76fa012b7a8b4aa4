package opfs

import (
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// What callers branch on: errors.Is(err, opfs.ErrFull).
var (
	// ErrUnavailable: this browser, or this mode of it, has no OPFS. Trying again does not help; memory does.
	ErrUnavailable = errors.New("no origin private file system here")
	// ErrBusy: another worker has the files open. Two tabs need the Web Lock of the mirror to take turns.
	ErrBusy = errors.New("the files are open elsewhere")
	// ErrFull: the origin's quota or the disk is used up. Make room, or ask the user to.
	ErrFull = fmt.Errorf("storage quota exceeded: %w", sqlite.Full)
	// ErrLost: the files under an open pool are not what they were: their handles were closed, they have lost bytes, a write that
	// was promised could not be made, or site data was cleared, so that what is written goes nowhere. Close the pool, open it
	// again, and look at what is left.
	ErrLost = errors.New("the files are lost")
	// ErrName: not a name for a pool.
	ErrName = errors.New("a name has 1 to 64 letters, digits, '-', '_' or '.', and no '.' at its start")
)

// Error is a refusal of the browser.
type Error struct {
	Op      string // what was tried: "open", "read", "write", …
	Name    string // of the DOMException: "QuotaExceededError", …
	Message string // the browser's own words
}

func (e *Error) Error() string { return fmt.Sprintf("opfs: %s: %s: %s", e.Op, e.Name, e.Message) }

// Unwrap sorts the names that browsers use into the errors that callers branch on.
func (e *Error) Unwrap() error {
	switch e.Name {
	case "InvalidStateError":
		if e.Op != "open" && e.Op != "remove" { // of an open handle: somebody has closed it
			return ErrLost
		}
		return ErrBusy // WebKit's
	case "NotFoundError":
		return ErrLost
	case "QuotaExceededError":
		return ErrFull
	case "NoModificationAllowedError": // Chromium and Firefox
		return ErrBusy
	case "NotSupportedError", "SecurityError", "UnknownError": // no such API, private windows, Safari's private windows
		return ErrUnavailable
	}
	return nil
}
