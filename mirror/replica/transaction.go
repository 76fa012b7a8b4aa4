package replica

import "fmt"

// transact runs fn in one transaction. When it fails, nothing has happened.
func (r *Replica) transact(fn func() error) (err error) {
	// A rollback that failed earlier left its transaction open: nothing may be added to it.
	if err := r.rollback(); err != nil {
		return fmt.Errorf("roll back what an earlier failure left: %w", err)
	}
	if err := r.stmt.begin.Exec(); err != nil {
		return err
	}
	if err = fn(); err == nil {
		err = r.stmt.commit.Exec()
	}
	if err != nil {
		if failed := r.rollback(); failed != nil { // B3: the cause comes first, and alone decides what the error is
			err = fmt.Errorf("%w (and the rollback failed: %v)", err, failed)
		}
	}
	return err
}

// rollback ends an open transaction. SQLite has rolled back already after some failures.
func (r *Replica) rollback() error {
	if !r.conn.InTransaction() {
		return nil
	}
	return r.stmt.rollback.Exec()
}
