// Package sqlite is the small face of SQLite that the mirror knows: a connection, its statements, its hooks and its
// errors. Everything above it uses these interfaces only, so the engine below can be another one per platform.
//
// There are two engines. Natively it is github.com/ncruces/go-sqlite3: SQLite translated to Go. Under GOOS=js it is SQLite
// compiled from C, linked to the Go program (package linked); the build tag gosqlite takes go-sqlite3 there, too. Both are
// the same version of SQLite with the same options, and pass the tests in this package, which know the interfaces only.
//
// A connection and all that belongs to it is for one goroutine at a time.
//
// # Platforms
//
// Natively a path names a file of the operating system. Under GOOS=js there are no such files: a database is in memory,
// or in a file layer, [Options.Files] (see package opfs). There, a database has one connection at a time
// ([Options.Exclusive]), because neither locks nor shared memory exist.
//
// SQLite uses at most 256 MiB of memory, a connection with go-sqlite3, all connections together when it is linked; what needs
// more fails with [NoMem].
package sqlite
