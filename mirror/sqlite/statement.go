//go:build !js || gosqlite

package sqlite

import "github.com/ncruces/go-sqlite3"

// statement is a Stmt on go-sqlite3: its methods as they are, but errors and types in our words.
type statement struct {
	*sqlite3.Stmt
	engine  *engine
	closed  bool
	failure error // of the last Step, when go-sqlite3 itself could not say
}

var _ Stmt = (*statement)(nil)

// check is for the beginning of every call that can fail.
func (s *statement) check() error {
	if s.closed {
		return errStmtClosed
	}
	return s.engine.check()
}

func (s *statement) Step() bool {
	if s.failure = s.check(); s.failure != nil {
		return false
	}
	row, err := s.step()
	s.failure = s.engine.fail(err)
	return row && s.failure == nil
}

func (s *statement) step() (row bool, err error) {
	defer caughtNoMem(&err)
	if s.Stmt.Step() {
		return true, nil
	}
	return false, engineError(s.Stmt.Err())
}

func (s *statement) Err() error { return s.failure }

func (s *statement) Exec() error {
	s.failure = nil
	if err := s.check(); err != nil {
		return err
	}
	return s.engine.fail(s.exec())
}

func (s *statement) exec() (err error) {
	defer caughtNoMem(&err)
	return engineError(s.Stmt.Exec())
}

// Reset forgets the failure of the last Step, which Err has told: go-sqlite3 would tell it twice.
func (s *statement) Reset() error {
	s.failure = nil
	if err := s.check(); err != nil {
		return err
	}
	forgetting(s.Stmt.Reset)
	return nil
}

// Close forgets the failure of the last Step, as Reset does.
func (s *statement) Close() error {
	if s.closed {
		return nil
	}
	if err := s.check(); err != nil {
		return err
	}
	s.closed, s.failure = true, nil
	forgetting(s.Stmt.Close)
	return nil
}

// forgetting calls what can do nothing but repeat an error.
func forgetting(call func() error) {
	var err error
	defer caughtNoMem(&err)
	_ = call()
}

func (s *statement) ReadOnly() bool { return !s.closed && s.Stmt.ReadOnly() }
