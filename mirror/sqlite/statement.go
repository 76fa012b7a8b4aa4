package sqlite

import "github.com/ncruces/go-sqlite3"

// statement is a Stmt on go-sqlite3: its methods as they are, but errors and types in our words.
type statement struct {
	*sqlite3.Stmt
	failure error // of the last Step, when the engine itself could not say
}

var _ Stmt = (*statement)(nil)

func (s *statement) Step() (row bool) {
	s.failure = nil
	defer caughtNoMem(&s.failure)
	return s.Stmt.Step()
}

func (s *statement) Err() error {
	if s.failure != nil {
		return s.failure
	}
	return engineError(s.Stmt.Err())
}

func (s *statement) Exec() (err error) {
	s.failure = nil
	defer caughtNoMem(&err)
	return engineError(s.Stmt.Exec())
}

// Reset forgets the failure of the last Step, which Err has told: the engine would tell it twice.
func (s *statement) Reset() error {
	s.failure = nil
	forgetting(s.Stmt.Reset)
	return nil
}

func (s *statement) BindText(param int, value string) (err error) {
	defer caughtNoMem(&err)
	return engineError(s.Stmt.BindText(param, value))
}

func (s *statement) BindRawText(param int, value []byte) (err error) {
	defer caughtNoMem(&err)
	return engineError(s.Stmt.BindRawText(param, value))
}

func (s *statement) BindBlob(param int, value []byte) (err error) {
	defer caughtNoMem(&err)
	return engineError(s.Stmt.BindBlob(param, value))
}

func (s *statement) BindNull(param int) error { return engineError(s.Stmt.BindNull(param)) }
func (s *statement) ClearBindings() error     { return engineError(s.Stmt.ClearBindings()) }
func (s *statement) ColumnType(col int) Type  { return Type(s.Stmt.ColumnType(col)) }

func (s *statement) BindInt64(param int, value int64) error {
	return engineError(s.Stmt.BindInt64(param, value))
}

func (s *statement) BindFloat(param int, value float64) error {
	return engineError(s.Stmt.BindFloat(param, value))
}

// Close forgets the failure of the last Step, as Reset does.
func (s *statement) Close() error {
	forgetting(s.Stmt.Close)
	return nil
}

// forgetting calls what can do nothing but repeat an error.
func forgetting(call func() error) {
	var err error
	defer caughtNoMem(&err)
	_ = call()
}
