package linked

import "unsafe"

type (
	// Pointer is an address in SQLite's memory; 0 is none.
	Pointer uint32
	// Conn is a connection, a sqlite3*.
	Conn uint32
	// Stmt is a prepared statement, a sqlite3_stmt*. Calls on 0 do nothing, or fail with SQLITE_MISUSE.
	Stmt uint32
)

// Open opens a database by the name at name, of a set of files, for which callbacks are called by the set's
// number. It returns a connection also when it has failed, for its error and to be closed, and 0 when memory has run out.
//
//go:wasmimport sqlite engine_open
func Open(name Pointer, set int32) Conn

// Close fails with SQLITE_BUSY while a statement is open.
//
//go:wasmimport sqlite sqlite3_close
func Close(conn Conn) int32

// RemoveSet is for when nothing is open in a set of files any more.
//
//go:wasmimport sqlite engine_remove_set
func RemoveSet(set int32)

// Exec runs the statements at sql, which ends with a NUL.
//
//go:wasmimport sqlite engine_exec
func Exec(conn Conn, sql Pointer) int32

// Prepare compiles the first statement in the n bytes at sql. It returns the statement, or 0 if there is none, and above
// its 32 bits how many bytes it is long; a negative code when it has failed.
//
//go:wasmimport sqlite engine_prepare
func Prepare(conn Conn, sql Pointer, n int32) int64

//go:wasmimport sqlite sqlite3_errmsg
func ErrMsg(conn Conn) Pointer

//go:wasmimport sqlite sqlite3_extended_errcode
func ExtendedErrCode(conn Conn) int32

//go:wasmimport sqlite sqlite3_changes64
func Changes(conn Conn) int64

//go:wasmimport sqlite sqlite3_last_insert_rowid
func LastInsertRowID(conn Conn) int64

//go:wasmimport sqlite sqlite3_get_autocommit
func AutoCommit(conn Conn) int32

// Page copies a page of the main database, by its number from 1, to p. A transaction must be open.
//
//go:wasmimport sqlite engine_page
func Page(conn Conn, number int32, p Pointer) int32

// Turns callbacks on, which are told the number id, or off.

//go:wasmimport sqlite engine_on_update
func OnUpdate(conn Conn, id, on int32)

//go:wasmimport sqlite engine_on_authorize
func OnAuthorize(conn Conn, id, on int32) int32

// OnProgress turns the callback on that is asked after each so many instructions; 0 turns it off.
//
//go:wasmimport sqlite engine_on_progress
func OnProgress(conn Conn, id, instructions int32)

// Version is a text that ends with a NUL.
//
//go:wasmimport sqlite sqlite3_libversion
func Version() Pointer

//go:wasmimport sqlite sqlite3_malloc
func Malloc(n int32) Pointer

//go:wasmimport sqlite sqlite3_free
func Free(p Pointer)

//go:wasmimport sqlite strlen
func strlen(p Pointer) int32

//go:wasmimport sqlite_copy in
//go:noescape
func copyIn(to Pointer, from unsafe.Pointer, n int32)

//go:wasmimport sqlite_copy out
//go:noescape
func copyOut(to unsafe.Pointer, from Pointer, n int32)
