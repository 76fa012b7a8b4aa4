//go:build !js || gosqlite

package sqlite

func (s *statement) BindCount() int {
	if s.closed {
		return 0
	}
	return s.Stmt.BindCount()
}

func (s *statement) BindName(param int) string {
	if s.closed {
		return ""
	}
	return s.Stmt.BindName(param)
}

func (s *statement) BindNull(param int) error {
	if err := s.check(); err != nil {
		return err
	}
	return engineError(s.Stmt.BindNull(param))
}

func (s *statement) BindInt64(param int, value int64) error {
	if err := s.check(); err != nil {
		return err
	}
	return engineError(s.Stmt.BindInt64(param, value))
}

func (s *statement) BindFloat(param int, value float64) error {
	if err := s.check(); err != nil {
		return err
	}
	return engineError(s.Stmt.BindFloat(param, value))
}

func (s *statement) BindText(param int, value string) (err error) {
	if err := s.check(); err != nil {
		return err
	}
	defer caughtNoMem(&err)
	return engineError(s.Stmt.BindText(param, value))
}

func (s *statement) BindRawText(param int, value []byte) (err error) {
	if err := s.check(); err != nil {
		return err
	}
	defer caughtNoMem(&err)
	return engineError(s.Stmt.BindRawText(param, value))
}

func (s *statement) BindBlob(param int, value []byte) (err error) {
	if err := s.check(); err != nil {
		return err
	}
	defer caughtNoMem(&err)
	return engineError(s.Stmt.BindBlob(param, value))
}

func (s *statement) ClearBindings() error {
	if err := s.check(); err != nil {
		return err
	}
	return engineError(s.Stmt.ClearBindings())
}
