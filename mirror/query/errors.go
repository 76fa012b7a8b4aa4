package query

import "errors"

// What a query fails with because of how it was asked, besides the [sqlite.Error] of a statement that does not compile.
var (
	// ErrNotReadOnly: the statement would write, or change the connection.
	ErrNotReadOnly = errors.New("a query may only read")
	// ErrStatements: there is not exactly one statement.
	ErrStatements = errors.New("a query is one statement")
	// ErrParams: the parameters are not those of the statement.
	ErrParams = errors.New("wrong parameters")
	// ErrTooLarge: the result is over a limit of Options.
	ErrTooLarge = errors.New("the result is too large")
	// ErrTooSlow: a step of the statement has taken longer than Options.MaxStep.
	ErrTooSlow = errors.New("the query is too slow")
	// ErrUnfinished: the statement has had its slice of [Reader.Try].
	ErrUnfinished = errors.New("the query has not finished in its slice")
)
