// Package sqlite is the small face of SQLite that the mirror knows: a connection, its statements, its hooks and its
// errors. Everything above it uses these interfaces only, so the engine below can be another one per platform.
//
// The engine today is github.com/ncruces/go-sqlite3: SQLite translated to Go, natively and in the browser.
// A new engine has to pass the tests in this package, which know the interfaces only.
//
// A connection and all that belongs to it is for one goroutine at a time.
//
// # Platforms
//
// Natively a path names a file of the operating system. Under GOOS=js there are no such files: a database is in memory,
// or in a file layer, [Options.Files] (see package opfs). There, a database has one connection at a time
// ([Options.Exclusive]), because neither locks nor shared memory exist.
//
// A connection uses at most 256 MiB of memory; what needs more fails with [NoMem].
package sqlite
