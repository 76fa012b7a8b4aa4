// Package query runs SQL that only reads, once or again and again.
//
// [Reader.Run] runs one statement and refuses everything that would write, to the database or to the connection: SQLite's
// authorizer judges each access while the statement is compiled, and [sqlite.Stmt.ReadOnly] the whole. Results are
// bounded. A [Live] set keeps statements whose results somebody watches: one is run again when a table that it reads was
// written, and its watcher hears of it when the result is another one.
//
// Everything here is for one goroutine at a time, like the connection beneath. While a statement runs, nothing else happens
// on its goroutine: a context ends it, a budget bounds each of its steps, and between steps it gives way
// ([Options.MaxStep], [Options.Yield]).
package query
