// Package opfs keeps SQLite databases in the Origin Private File System of a browser.
//
// A [Pool] is the files of one mirror: the database, its rollback journal and its write-ahead log, in the OPFS folder
// millpond/NAME. All three are opened at once, by promises; from then on every call is a plain function call into
// JavaScript ([FileSystemSyncAccessHandle]), so SQLite can wait for it. Such handles exist in dedicated workers only,
// and one at a time for a file: a second Open fails with [ErrBusy] until the first is closed or its worker is gone.
//
// A pool is for one goroutine at a time, as its connection is.
//
// # What is written when
//
// A call costs about as much for 256 KiB as for 24 bytes, so contiguous writes are collected in memory and go out as
// one. They go out when a write is not contiguous, on Sync, Truncate and Close, and with the write that ends a
// transaction in the write-ahead log: what SQLite has reported as committed is with the browser, and survives
// the death of the worker, of the tab and of the browser. Only a flush, which is SQLite's to ask for by PRAGMA
// synchronous, survives a power loss.
//
// A failed write is dropped and reported to the call that sent it out. That call is always one whose failure makes
// SQLite roll the transaction back, and the next may succeed, as after [ErrFull]. Where SQLite could not roll back any
// more, the file is broken: every later call fails until the pool is opened again, so nothing is built on a hole.
//
// # Platforms
//
// The rules above are in plain Go, and tested natively with real SQLite on files that fail. Only the files with a name
// ending in _js.go, and opfs.js, know the browser. A program with this package in it needs the import module "opfs",
// which opfs.js makes; in Node, and wherever there is no OPFS, Open answers [ErrUnavailable].
//
// [FileSystemSyncAccessHandle]: https://fs.spec.whatwg.org/#api-filesystemsyncaccesshandle
package opfs
