package outbox

import (
	"cmp"
	"fmt"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Acknowledged says that the server has an append, and that its events will not come back through the stream: they have
// already, or nobody follows it. Its rows go.
func (o *Outbox) Acknowledged(id uint64) error { return o.delete(id) }

// Drop forgets an append. One that was sent may have been committed all the same.
func (o *Outbox) Drop(id uint64) error { return o.delete(id) }

func (o *Outbox) delete(id uint64) error {
	return o.change(id, func() error {
		return o.exec(o.stmt.deleteAppend, func(s sqlite.Stmt) error { return s.BindInt64(1, int64(id)) })
	})
}

// Refused keeps an append with the reason why the server does not take it. One that was made for another incarnation of the
// stream is quarantined.
func (o *Outbox) Refused(id uint64, why *millpond.Error) error {
	state := Refused
	if why.Code == millpond.IncarnationConflict {
		state, why = Quarantined, otherIncarnation()
	}
	return o.change(id, func() error { return o.mark(id, state, why, "") })
}

// Retry makes a refused or quarantined append pending again, for the incarnation that the stream has now.
func (o *Outbox) Retry(id uint64, incarnation millpond.Incarnation) error {
	a, err := o.Get(id)
	if err != nil {
		return err
	}
	if a.State == Pending {
		return nil
	}
	return o.change(id, func() error { return o.mark(id, Pending, &millpond.Error{}, incarnation) })
}

func (o *Outbox) mark(id uint64, state State, why *millpond.Error, incarnation millpond.Incarnation) error {
	return o.exec(o.stmt.mark, func(s sqlite.Stmt) error {
		return cmp.Or(
			s.BindText(1, string(state)),
			bindOptional(s, 2, string(why.Code)),
			bindOptional(s, 3, why.Message),
			bindOptional(s, 4, string(incarnation)),
			s.BindInt64(5, int64(id)),
		)
	})
}

// change changes the rows of an append, durably.
func (o *Outbox) change(id uint64, fn func() error) error {
	if err := o.load(); err != nil {
		return err
	}
	if o.left[id] == 0 {
		return fmt.Errorf("append %d: %w", id, ErrNotFound)
	}
	err := o.durably(fn)
	if err != nil {
		return fmt.Errorf("append %d: %w", id, err)
	}
	o.keys = nil
	delete(o.arrived, id)
	return nil
}

// durably runs fn in a transaction that survives a power cut once this has returned nil. The mirror's other transactions
// can be fetched again from the server, and do not wait for the disk; these cannot.
func (o *Outbox) durably(fn func() error) (err error) {
	if planted == "keep an append without waiting for the disk" {
		return o.transact(fn)
	}
	if err := o.conn.Exec("PRAGMA synchronous = FULL"); err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, o.conn.Exec("PRAGMA synchronous = NORMAL")) }()
	return o.transact(fn)
}

func (o *Outbox) transact(fn func() error) (err error) {
	if err := o.stmt.begin.Exec(); err != nil {
		return err
	}
	if err = fn(); err == nil {
		err = o.stmt.commit.Exec()
	}
	if err == nil {
		return nil
	}
	o.keys = nil // whether a COMMIT that failed has committed, only the database knows
	if o.conn.InTransaction() {
		if failed := o.stmt.rollback.Exec(); failed != nil { // B3: the cause comes first, and alone decides what the error is
			err = fmt.Errorf("%w (and the rollback failed: %v)", err, failed)
		}
	}
	return err
}
