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
	if p := s.keep(param, value); p != 0 {
		return s.outcome(linked.BindText(s.stmt, int32(param), p, int32(len(value))))
	}
	return s.bindOwned(param, value, linked.BindTextOwned)
}

func (s *linkedStmt) BindRawText(param int, value []byte) error {
	if value == nil {
		return s.BindNull(param)
	}
	return s.BindText(param, asString(value))
}

func (s *linkedStmt) BindBlob(param int, value []byte) error {
	if value == nil {
		return s.BindNull(param)
	}
	text := asString(value)
	if p := s.keep(param, text); p != 0 {
		return s.outcome(linked.BindBlob(s.stmt, int32(param), p, int32(len(text))))
	}
	return s.bindOwned(param, text, linked.BindBlobOwned)
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

// keep copies a small value to a buffer of the parameter's own, which the next one uses again. It answers 0 for what
// bindOwned is for.
func (s *linkedStmt) keep(param int, value string) linked.Pointer {
	if s.stepped || uint(param-1) >= uint(len(s.values)) || s.check() != nil {
		return 0
	}
	buffer := &s.values[param-1]
	if len(value) >= buffer.cap && !s.widen(buffer, len(value)) {
		return 0
	}
	linked.CopyStringIn(buffer.at, value)
	return buffer.at
}

// widen makes room in a buffer for a value of n bytes, and one more: an empty value needs an address, too.
func (s *linkedStmt) widen(buffer *linkedBuffer, n int) bool {
	return n <= maxKeptBufferBytes && buffer.grow(n+1) == nil
}

// bindOwned binds a value in memory that goes with it. It is for values that are large, and for calls that SQLite may refuse,
// as between Step and Reset, when a parameter's buffer is in use.
func (s *linkedStmt) bindOwned(param int, value string, bind func(linked.Stmt, int32, linked.Pointer, int32) int32) error {
	if err := s.check(); err != nil {
		return err
	}
	if len(value) > linked.MaxMemoryBytes {
		return errNoMem
	}
	p := linked.Malloc(int32(max(1, len(value))))
	if p == 0 {
		return errNoMem
	}
	linked.CopyStringIn(p, value)
	return s.outcome(bind(s.stmt, int32(param), p, int32(len(value))))
}
