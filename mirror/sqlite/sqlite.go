package sqlite

import "io"

// Conn is one connection to a database. It is for one goroutine at a time, and so are its statements.
//
// Its hooks are called from within calls that compile or run SQL. They must be quick, and must not wait for anything.
// A hook must not use the connection or its statements: calls fail with [Misuse]. When one panics, the call that it was
// called from fails with [Abort], and what the statement has done so far may stand: roll back.
//
// After Close every call fails with [Misuse] or answers a zero value, as those on a closed statement do.
type Conn interface {
	// Prepare compiles the first statement of sql; tail is what follows it. The statement is nil when sql holds none.
	Prepare(sql string) (stmt Stmt, tail string, err error)
	// Exec runs all statements of sql and throws their rows away.
	Exec(sql string) error
	// Changes is how many rows the last INSERT, UPDATE or DELETE changed.
	Changes() int64
	// LastInsertRowID is the rowid of the last row inserted.
	LastInsertRowID() int64
	// InTransaction reports whether a transaction is open.
	InTransaction() bool
	// OnUpdate calls fn for each row that a statement inserts, updates or deletes in a rowid table. SQLite does not tell of
	// rows that a DELETE without WHERE takes all at once, nor of those that REPLACE removes. nil removes fn.
	OnUpdate(fn func(table string, rowid int64))
	// OnAuthorize asks fn about each access while a statement is compiled, which may be while it runs: when the schema has
	// changed, and for table functions that compile their own. nil removes it. Either compiles all statements again when
	// they run next.
	OnAuthorize(fn func(Access) Verdict) error
	// OnProgress asks fn before each call that compiles or runs SQL, and after every thousand instructions of SQLite
	// within. When it answers true the call fails with [Interrupt]; a write that is stopped takes its whole transaction
	// back. nil removes it.
	OnProgress(fn func() (stop bool))
	// Backup writes a copy of the main database to w, as a database file that needs no journal. It fails with [Busy]
	// while a transaction is open, and with the error of w. w may block, and must not use the connection.
	Backup(w io.Writer) error
	// Close closes the connection. It fails with [Busy], and closes nothing, while a statement is open. Closing again does
	// nothing.
	Close() error
}

// Type is the type of a value, numbered as SQLite does.
type Type uint8

// The types.
const (
	Integer Type = iota + 1
	Float
	Text
	Blob
	Null
)

// Access is what a statement that is being prepared would do, in the terms of SQLite's authorizer.
type Access struct {
	Action Action
	Table  string // for Read, Insert, Update, Delete
	Column string // for Read and Update
	Name   string // of the function, pragma or other object, for the other actions
}

// Action is a kind of Access.
type Action uint8

// The actions. Other is everything that is none of the rest: DDL, PRAGMA, ATTACH, transactions.
const (
	Other Action = iota
	Select
	Read
	Insert
	Update
	Delete
	Function
	Recursive
	Pragma
)

// Verdict is the answer to an Access.
type Verdict bool

// The verdicts. Deny fails the preparation.
const (
	Allow Verdict = true
	Deny  Verdict = false
)

// Stmt is a prepared statement. Parameters are numbered from 1, columns from 0. It follows a change of the schema
// by itself: it is compiled again when it runs next, and may have other columns then.
type Stmt interface {
	BindCount() int            // the largest number of a parameter
	BindName(param int) string // with its ":", "@" or "$"; "" when it has none
	BindNull(param int) error
	BindInt64(param int, value int64) error
	BindFloat(param int, value float64) error
	BindText(param int, value string) error
	BindRawText(param int, value []byte) error // nil is NULL; the value is copied
	BindBlob(param int, value []byte) error    // nil is NULL; the value is copied
	ClearBindings() error

	// Step goes to the next row. It is false at the end and after a failure: Err tells.
	Step() bool
	Err() error
	// Exec steps to the end and resets.
	Exec() error
	// Reset makes the statement ready to run again; its bindings stay. What Err told is forgotten.
	Reset() error

	ColumnCount() int
	ColumnName(col int) string
	// The type of a column is that of its value in this row. The others convert, as SQLite does: a NULL is 0 or empty, and
	// a column that does not exist is NULL. What they return is the caller's.
	ColumnType(col int) Type
	ColumnInt64(col int) int64
	ColumnFloat(col int) float64
	ColumnText(col int) string
	ColumnBlob(col int) []byte // nil for NULL only

	// ReadOnly reports whether running the statement leaves the database file as it is. It is true for statements that
	// change the connection (PRAGMA, ATTACH, BEGIN): OnAuthorize tells those.
	ReadOnly() bool
	// Close ends the statement. Closing again does nothing.
	Close() error
}
