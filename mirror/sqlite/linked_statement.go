//go:build js && !gosqlite

package sqlite

import "github.com/millpond-dev/millpond/mirror/sqlite/linked"

// The results of a step.
const (
	stepRow  = 100
	stepDone = 101
)

// linkedStmt is a Stmt on SQLite compiled from C.
type linkedStmt struct {
	conn    *linkedConn
	stmt    linked.Stmt    // 0 when it is closed
	stepped bool           // and not reset since: SQLite may be using what is bound
	failure error          // of the last Step
	values  []linkedBuffer // one for each parameter
}

var _ Stmt = (*linkedStmt)(nil)

// check is for the beginning of every call that can fail.
func (s *linkedStmt) check() error {
	if s.stmt == 0 {
		return errStmtClosed
	}
	return s.conn.check()
}

// begin is check for a call that runs SQL.
func (s *linkedStmt) begin() error {
	if s.stmt == 0 {
		return errStmtClosed
	}
	return s.conn.begin()
}

func (s *linkedStmt) Step() bool {
	if s.failure = s.begin(); s.failure != nil {
		return false
	}
	s.stepped = true
	code := linked.Step(s.stmt)
	if code == stepRow || code == stepDone {
		s.failure = s.conn.fail(nil)
		return code == stepRow && s.failure == nil
	}
	s.failure = s.conn.fail(s.conn.failure(code))
	return false
}

func (s *linkedStmt) Err() error { return s.failure }

func (s *linkedStmt) Exec() error {
	s.failure = nil
	if err := s.begin(); err != nil {
		return err
	}
	s.stepped = false
	return s.conn.fail(s.conn.failure(linked.Run(s.stmt)))
}

// Reset forgets the failure of the last Step, which Err has told: SQLite would tell it twice.
func (s *linkedStmt) Reset() error {
	s.failure = nil
	if err := s.check(); err != nil {
		return err
	}
	s.stepped = false
	linked.Reset(s.stmt)
	return nil
}

func (s *linkedStmt) ReadOnly() bool { return s.stmt != 0 && linked.ReadOnly(s.stmt) != 0 }

// Close forgets the failure of the last Step, as Reset does.
func (s *linkedStmt) Close() error {
	if s.stmt == 0 {
		return nil
	}
	if err := s.conn.check(); err != nil {
		return err
	}
	linked.Finalize(s.stmt)
	s.stmt, s.failure = 0, nil
	for i := range s.values {
		s.values[i].free()
	}
	s.values = nil
	return nil
}
