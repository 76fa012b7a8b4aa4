package replica

import "fmt"

// transact runs fn in one transaction. When it fails, nothing has happened, and what the streams table holds has to be
// read again: whether a COMMIT that failed has committed, only the database knows.
func (r *Replica) transact(fn func() error) (err error) {
	if err := r.stmt.begin.Exec(); err != nil {
		return err
	}
	if err = fn(); err == nil {
		err = r.stmt.commit.Exec()
	}
	if err != nil {
		r.streams = nil
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
