// Package linked is SQLite compiled from C to WebAssembly (sqlite.wasm), linked to a Go program of GOOS=js: its functions,
// as they are. Package sqlite makes of them what programs use.
//
// The exports of sqlite.wasm are the imports of the Go program, so a call goes from wasm to wasm, without JavaScript, and
// costs 14 to 21 ns. Go functions that SQLite calls (hooks and files) are in SQLite's function table, and called as
// directly. linked.js brings the two together, copy.js carries bytes between their memories. csrc has the C; `make
// sqlite-wasm` compiles it. docs/decisions/0012-linked-sqlite.md says why all this, and what it costs.
//
// Everything here is for one goroutine at a time. What a callback does must not wait for JavaScript: Go's scheduler would
// find everybody asleep.
//
// # Who owns what
//
// SQLite's memory and Go's are apart: a [Pointer] is an address in SQLite's, and no pointer of Go's is ever kept there.
//
//   - What [Malloc] returns is the caller's until [Free], or until a Bind…Owned takes it over, even by failing.
//   - What [BindText] and [BindBlob] are given stays the caller's, and must stay as it is until the parameter is bound again
//     or the statement is finalised.
//   - What [ColumnText] and [ColumnBlob] return is SQLite's, and there until the next call on the statement.
//   - What [ErrMsg] returns is SQLite's, and there until the next call on the connection; [ColumnName] and
//     [BindParameterName] until the statement is stepped or finalised.
//   - What a callback is given is SQLite's, and there until the callback returns.
//
// SQLite's objects are freed by [Close] and [Finalize] only, never by a finaliser of Go: nothing runs in SQLite that nobody
// has called.
//
// Either memory can grow at any call. Nothing of Go's holds a view of SQLite's memory, and JavaScript makes its views for
// each copy.
//
// # Failures
//
// SQLite's memory ends at [MaxMemoryBytes]: what needs more fails with SQLITE_NOMEM. A trap in SQLite, such as an access out
// of bounds, unwinds the Go program with it: no Go code can run any more, and its worker has to be started anew.
package linked
