//go:build js && !gosqlite

package sqlite

import "github.com/millpond-dev/millpond/mirror/sqlite/linked"

// errNoMem is for what SQLite has had no chance to say: its memory is used up.
var errNoMem = &Error{Code: NoMem, Extended: int(NoMem)}

// failure is the error of a call that has just returned a code; nil when it has not failed.
func (c *linkedConn) failure(code int32) error {
	if code == 0 {
		return nil
	}
	return c.explain(code)
}

func (c *linkedConn) explain(code int32) error {
	e := &Error{Code: Code(code), Extended: int(code)}
	if text := linked.CString(linked.ErrMsg(c.conn)); text != e.Code.Error() {
		e.Message = text
	}
	if c.files.failed != nil && Code(c.files.failedCode) == e.Code {
		e.Cause = c.files.failed
	}
	return e
}
