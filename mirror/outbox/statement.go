package outbox

import (
	"errors"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// statements are prepared once and kept.
type statements struct {
	begin, commit, rollback       sqlite.Stmt
	keys, one, next, troubled     sqlite.Stmt
	insert, nameAppend            sqlite.Stmt
	deleteKey, deleteAppend, mark sqlite.Stmt
	adopt, quarantine             sqlite.Stmt
}

const selectAppend = `SELECT append_id, namespace, path, coalesce(incarnation, ''), state, created_at,
	coalesce(error_code, ''), coalesce(error_message, ''), input FROM outbox `

func (s *statements) all() map[*sqlite.Stmt]string {
	return map[*sqlite.Stmt]string{
		&s.begin:    "BEGIN IMMEDIATE",
		&s.commit:   "COMMIT",
		&s.rollback: "ROLLBACK",
		&s.keys:     "SELECT append_id, namespace, path, idempotency_key, state, length(CAST(input AS BLOB)) FROM outbox",
		&s.one:      selectAppend + "WHERE append_id = ? ORDER BY id",
		&s.next: selectAppend + `WHERE append_id =
			(SELECT min(append_id) FROM outbox WHERE append_id > ? AND state = 'pending') ORDER BY id`,
		&s.troubled: selectAppend + "WHERE state <> 'pending' ORDER BY append_id, id",
		&s.insert: `INSERT INTO outbox (append_id, namespace, path, incarnation, state, created_at, idempotency_key, input)
			VALUES (?, ?, ?, ?, 'pending', ?, ?, ?)`,
		&s.nameAppend:   "UPDATE outbox SET append_id = ?1 WHERE id = ?1",
		&s.deleteKey:    "DELETE FROM outbox WHERE namespace = ? AND path = ? AND idempotency_key = ?",
		&s.deleteAppend: "DELETE FROM outbox WHERE append_id = ?",
		&s.mark:         "UPDATE outbox SET state = ?, error_code = ?, error_message = ?, incarnation = coalesce(?, incarnation) WHERE append_id = ?",
		&s.adopt:        "UPDATE outbox SET incarnation = ? WHERE namespace = ? AND path = ? AND incarnation IS NULL",
		&s.quarantine: `UPDATE outbox SET state = 'quarantined', error_code = ?, error_message = ?
			WHERE namespace = ? AND path = ? AND incarnation <> ? AND state <> 'quarantined'`,
	}
}

func (s *statements) prepare(conn sqlite.Conn) error {
	for stmt, sql := range s.all() {
		prepared, _, err := conn.Prepare(sql)
		if err != nil {
			return err
		}
		*stmt = prepared
	}
	return nil
}

func (s *statements) close() error {
	var errs []error
	for stmt := range s.all() {
		if *stmt != nil {
			errs = append(errs, (*stmt).Close())
		}
	}
	*s = statements{}
	return errors.Join(errs...)
}

// exec binds and runs a statement.
func (o *Outbox) exec(stmt sqlite.Stmt, bind func(sqlite.Stmt) error) error {
	if err := bind(stmt); err != nil {
		return err
	}
	return stmt.Exec()
}

// bindOptional binds a text, or NULL for none.
func bindOptional(s sqlite.Stmt, param int, text string) error {
	if text == "" {
		return s.BindNull(param)
	}
	return s.BindText(param, text)
}

// bindAll binds texts to the parameters from 1 on.
func bindAll(s sqlite.Stmt, texts ...string) error {
	for i, text := range texts {
		if err := s.BindText(i+1, text); err != nil {
			return err
		}
	}
	return nil
}
