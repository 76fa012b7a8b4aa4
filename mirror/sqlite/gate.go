package sqlite

import "fmt"

// gate keeps calls out of a connection where SQLite would crash or go wrong: when it is closed, and from within one of its
// own hooks. It also keeps a hook's panic from unwinding SQLite. Every engine has one, and asks it.
type gate struct {
	closed   bool
	hooked   bool // a hook runs
	panicked any  // what a hook has panicked with, in the call that runs
}

// The mistakes in calls that both engines tell.
var (
	errClosed        = &Error{Code: Misuse, Extended: int(Misuse), Message: "the connection is closed"}
	errStmtClosed    = &Error{Code: Misuse, Extended: int(Misuse), Message: "the statement is closed"}
	errInTransaction = &Error{Code: Busy, Extended: int(Busy), Message: "a transaction is open: a backup is of what is committed"}
	errWithinAHook   = &Error{Code: Misuse, Extended: int(Misuse), Message: "a hook must not use the connection that has called it"}
)

// check is for the beginning of every call that can fail.
func (g *gate) check() error {
	if g.closed {
		return errClosed
	}
	if g.hooked {
		return errWithinAHook
	}
	return nil
}

// run runs a hook. It reports whether the hook has returned; one that has panicked fails the call that runs: see fail.
func (g *gate) run(hook func()) (returned bool) {
	g.hooked = true
	defer func() {
		g.hooked = false
		if !returned {
			g.panicked = recover()
		}
	}()
	hook()
	return true
}

// fail is for the end of every call that runs hooks, with what SQLite says: a panic says more.
func (g *gate) fail(err error) error {
	if g.panicked == nil {
		return err
	}
	return g.hookPanic()
}

func (g *gate) hookPanic() error {
	p := g.panicked
	g.panicked = nil
	return &Error{Code: Abort, Extended: int(Abort), Message: fmt.Sprintf("a hook has panicked: %v", p)}
}
