package projection

import (
	"errors"
	"fmt"
	"strings"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// DefinitionError says what is wrong with a projection as it was given.
type DefinitionError struct {
	Projection string
	Type       string // the event type of the statement at fault; empty: the statement is of the schema, or there is none
	Statement  int    // which one, from 1; 0: none
	Line       int    // in the statement, from 1; 0: not known
	Column     int    // in characters, from 1
	Message    string
}

func (e *DefinitionError) Error() string {
	var at strings.Builder
	fmt.Fprintf(&at, "projection %q", e.Projection)
	switch {
	case e.Type != "":
		fmt.Fprintf(&at, ", event type %q", e.Type)
	case e.Statement > 0:
		at.WriteString(", schema")
	}
	if e.Statement > 0 {
		fmt.Fprintf(&at, ", statement %d", e.Statement)
	}
	if e.Line > 0 {
		fmt.Fprintf(&at, ", line %d, column %d", e.Line, e.Column)
	}
	return at.String() + ": " + e.Message
}

var (
	// ErrNotFound: no projection has that name.
	ErrNotFound = errors.New("no such projection")
	// ErrTooSlow: a call of Apply has taken far longer than it may.
	ErrTooSlow = errors.New("the projection is too slow")

	// errAgain: a projection has failed and taken the transaction with it. The next try goes without it.
	errAgain = errors.New("a projection has taken the transaction with it")
)

// Again reports whether what has failed is to be done again at once: a projection was the reason, and stays out now.
func Again(err error) bool { return errors.Is(err, errAgain) }

// storageFault reports whether the storage has failed rather than the projection: then all of the transaction has.
func storageFault(err error) bool {
	for _, code := range []sqlite.Code{sqlite.Busy, sqlite.ReadOnly, sqlite.IOErr, sqlite.Corrupt, sqlite.Full, sqlite.CantOpen, sqlite.NotADB} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
