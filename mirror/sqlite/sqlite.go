package sqlite

// Conn is one connection to a database. It is for one goroutine at a time, and so are its statements.
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
	// OnUpdate calls fn for each row that a statement inserts, updates or deletes in a rowid table. fn must not use the
	// connection. nil removes it.
	OnUpdate(fn func(table string, rowid int64))
	// OnAuthorize asks fn about each access while a statement is prepared. fn must not use the connection. nil removes it.
	OnAuthorize(fn func(Access) Verdict) error
	// Interrupt makes every call that runs or compiles SQL fail with Interrupt while cancelled answers true. It is asked
	// before each and after every few thousand instructions of SQLite within, so it must be quick. nil removes it.
	Interrupt(cancelled func() bool)
	// Close closes the connection. It fails with Busy, and closes nothing, while a statement is open.
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

// Stmt is a prepared statement. Parameters are numbered from 1, columns from 0. It has the
// shape of go-sqlite3's statement, so that the native engine costs next to nothing.
type Stmt interface {
	BindCount() int
	BindIndex(name string) int // 0: there is none; name with its ":", "@" or "$"
	BindName(param int) string
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
	ColumnType(col int) Type
	ColumnInt64(col int) int64
	ColumnFloat(col int) float64
	ColumnText(col int) string
	ColumnRawText(col int) []byte // valid until the next call on the statement
	ColumnRawBlob(col int) []byte // valid until the next call on the statement

	// ReadOnly reports whether running the statement leaves the database file as it is. It is true for statements that
	// change the connection (PRAGMA, ATTACH, BEGIN): OnAuthorize tells those.
	ReadOnly() bool
	Close() error
}
