package sqlite

// Each steps through a statement, calls fn at each row, and resets the statement. It returns the first error: of fn, which ends it, of
// a step, or of the reset.
func Each(stmt Stmt, fn func(row Stmt) error) (err error) {
	for err == nil && stmt.Step() {
		err = fn(stmt)
	}
	if err == nil {
		err = stmt.Err()
	}
	if reset := stmt.Reset(); err == nil {
		err = reset
	}
	return err
}
