//go:build js && !gosqlite

package sqlite

import (
	"unsafe"

	"github.com/millpond-dev/millpond/mirror/sqlite/linked"
)

func (s *linkedStmt) BindCount() int { return int(linked.BindParameterCount(s.stmt)) }

func (s *linkedStmt) BindName(param int) string {
	return linked.CString(linked.BindParameterName(s.stmt, int32(param)))
}

func (s *linkedStmt) BindNull(param int) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.outcome(linked.BindNull(s.stmt, int32(param)))
}

func (s *linkedStmt) BindInt64(param int, value int64) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.outcome(linked.BindInt64(s.stmt, int32(param), value))
}

func (s *linkedStmt) BindFloat(param int, value float64) error {
	if err := s.check(); err != nil {
		return err
	}
	return s.outcome(linked.BindDouble(s.stmt, int32(param), value))
}

func (s *linkedStmt) BindText(param int, value string) error {
	return s.bind(param, value, linked.BindText, linked.BindTextOwned)
}

func (s *linkedStmt) BindRawText(param int, value []byte) error {
	if value == nil {
		return s.BindNull(param)
	}
	return s.bind(param, asString(value), linked.BindText, linked.BindTextOwned)
}

func (s *linkedStmt) BindBlob(param int, value []byte) error {
	if value == nil {
		return s.BindNull(param)
	}
	return s.bind(param, asString(value), linked.BindBlob, linked.BindBlobOwned)
}

// asString is b without a copy, for as long as the call lasts.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (s *linkedStmt) ClearBindings() error {
	if err := s.check(); err != nil {
		return err
	}
	return s.outcome(linked.ClearBindings(s.stmt))
}

// outcome is the error of a call that runs no SQL.
func (s *linkedStmt) outcome(code int32) error { return s.conn.failure(code) }

type bindFunc func(linked.Stmt, int32, linked.Pointer, int32) int32

// bind binds a text or a blob: a small one from a buffer of the parameter's own, which the next one uses again, a large one
// from memory that goes with it.
func (s *linkedStmt) bind(param int, value string, kept, owned bindFunc) error {
	if err := s.check(); err != nil {
		return err
	}
	if s.stepped || len(value) > maxKeptBufferBytes || param < 1 || param > s.parameters() {
		return s.bindOwned(param, value, owned)
	}
	buffer := &s.values[param-1]
	if err := buffer.grow(max(1, len(value))); err != nil { // an empty value needs an address, too
		return err
	}
	linked.CopyStringIn(buffer.at, value)
	return s.outcome(kept(s.stmt, int32(param), buffer.at, int32(len(value))))
}

// parameters is how many there are, each with a buffer.
func (s *linkedStmt) parameters() int {
	if s.values == nil {
		s.values = make([]linkedBuffer, s.BindCount())
	}
	return len(s.values)
}

// bindOwned is for values that are large, and for calls that SQLite may refuse, as between Step and Reset, when a
// parameter's buffer is in use.
func (s *linkedStmt) bindOwned(param int, value string, owned bindFunc) error {
	if len(value) > linked.MaxMemoryBytes {
		return errNoMem
	}
	p := linked.Malloc(int32(max(1, len(value))))
	if p == 0 {
		return errNoMem
	}
	linked.CopyStringIn(p, value)
	return s.outcome(owned(s.stmt, int32(param), p, int32(len(value))))
}
