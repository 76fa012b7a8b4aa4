package sqlite

import "fmt"

// Code is a primary result code of SQLite, numbered as SQLite does: https://sqlite.org/rescode.html.
// errors.Is(err, sqlite.Busy) asks for one.
type Code uint8

// The codes that callers branch on or that tests name. An engine may answer any other that SQLite knows.
const (
	Failed     Code = 1  // a mistake in the SQL, or anything without a code of its own
	Abort      Code = 4  // a hook has panicked, or the transaction was rolled back under a reader
	Busy       Code = 5  // another connection holds the lock
	Locked     Code = 6  // this connection itself holds the lock
	NoMem      Code = 7  // over the memory of the engine
	ReadOnly   Code = 8  // a write to a database that cannot be written
	Interrupt  Code = 9  // Conn.OnProgress answered to stop
	IOErr      Code = 10 // the file layer failed
	Corrupt    Code = 11 // the database is damaged
	Full       Code = 13 // no room: the disk is full, or the browser's quota is used up
	CantOpen   Code = 14 // a file cannot be opened
	Schema     Code = 17 // the schema changed under a statement
	TooBig     Code = 18 // a text, a blob or a statement over SQLite's limits
	Constraint Code = 19 // UNIQUE, NOT NULL, CHECK and the like
	Mismatch   Code = 20 // a value of the wrong type, as for a rowid
	Misuse     Code = 21 // a mistake in the calls
	Denied     Code = 23 // Conn.OnAuthorize answered Deny
	Range      Code = 25 // no parameter with this number
	NotADB     Code = 26 // the file is something else
)

// codeTexts are SQLite's own words.
var codeTexts = map[Code]string{
	Failed:     "SQL logic error",
	Abort:      "query aborted",
	Busy:       "database is locked",
	Locked:     "database table is locked",
	NoMem:      "out of memory",
	ReadOnly:   "attempt to write a readonly database",
	Interrupt:  "interrupted",
	IOErr:      "disk I/O error",
	Corrupt:    "database disk image is malformed",
	Full:       "database or disk is full",
	CantOpen:   "unable to open database file",
	Schema:     "database schema has changed",
	TooBig:     "string or blob too big",
	Constraint: "constraint failed",
	Mismatch:   "datatype mismatch",
	Misuse:     "bad parameter or other API misuse",
	Denied:     "not authorized",
	Range:      "column index out of range",
	NotADB:     "file is not a database",
}

func (c Code) Error() string {
	if text, ok := codeTexts[c]; ok {
		return text
	}
	return fmt.Sprintf("error %d", uint8(c))
}

// Error is what every failing call returns.
type Error struct {
	Code     Code
	Extended int    // SQLite's extended code; its low byte is Code
	Message  string // SQLite's own words, may be empty
	Cause    error  // what the file layer said, if it is the reason
}

func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = e.Code.Error()
	}
	text = "sqlite: " + text
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Is makes errors.Is(err, sqlite.Busy) work.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

func (e *Error) Unwrap() error { return e.Cause }
