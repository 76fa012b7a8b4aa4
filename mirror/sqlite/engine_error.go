//go:build !js || gosqlite

package sqlite

import (
	"errors"
	"strings"

	"github.com/ncruces/go-sqlite3"
)

// engineError turns an error of the engine into one of ours.
func engineError(err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Code: Failed, Extended: int(Failed)}
	var detail *sqlite3.Error
	var extended sqlite3.ExtendedErrorCode
	switch {
	case errors.As(err, &detail):
		e.Code, e.Extended = Code(detail.Code()), int(detail.ExtendedCode())
		e.Message, e.Cause = message(detail), detail.Unwrap()
	case errors.As(err, &extended):
		e.Code, e.Extended = Code(extended.Code()), int(extended)
	default:
		e.Message = err.Error()
	}
	return e
}

// message is the engine's text without the name of the code before it and the cause behind it.
func message(detail *sqlite3.Error) string {
	text := detail.Error()
	if cause := detail.Unwrap(); cause != nil {
		text = strings.TrimSuffix(text, ": "+cause.Error())
	}
	name := detail.ExtendedCode().Error()
	if text == name {
		return ""
	}
	return strings.TrimPrefix(text, name+": ")
}

// caughtNoMem, deferred, turns the engine's panic when its memory is used up into an error. SQLite itself has
// unwound by then: the connection goes on.
func caughtNoMem(err *error) {
	switch p := recover().(type) {
	case nil:
	case error:
		if p.Error() != sqlite3.NOMEM.Error() {
			panic(p)
		}
		*err = &Error{Code: NoMem, Extended: int(NoMem)}
	default:
		panic(p)
	}
}
