// Package opfs keeps SQLite databases in the Origin Private File System of a browser.
//
// A [Pool] is the files of one mirror, in the OPFS folder millpond/NAME: the database, its rollback journal and its
// write-ahead log, which are plain SQLite files, and a few spare ones for what is temporary. All are opened at once, by
// promises; from then on every call is a plain function call into JavaScript ([FileSystemSyncAccessHandle]), so SQLite can
// wait for it. Such handles exist in dedicated workers only, and one at a time for a file: a second Open fails with [ErrBusy]
// until the first is closed or its worker is gone.
//
//	pool, err := opfs.Open(ctx, "name")
//	conn, err := sqlite.Open(opfs.Database, sqlite.Options{Files: pool})
//
// A pool is for one goroutine at a time, as its connection is. It has one database: ATTACH of another file is refused with
// sqlite.CantOpen, and so there are no super-journals.
//
// While that connection writes, others can read from a [Snapshot].
//
// # What is written when
//
// A call costs about as much for 256 KiB as for 24 bytes, so contiguous writes are collected in memory and go out as
// one. They go out when a write is not contiguous or is to another file, on Sync, Truncate and Close, and with the write
// that ends a transaction in the write-ahead log: what SQLite has reported as committed is with the browser, and survives
// the death of the worker, of the tab and of the browser. The browser gets the writes in the order that SQLite has made them
// in, across all files. Only a flush, which is SQLite's to ask for by PRAGMA synchronous, survives a power loss.
//
// A failed write is dropped and reported to the call that sent it out. Where that is a call that SQLite rolls the
// transaction back for, the next may succeed, as after [ErrFull]. Where it is too late for that, the file is broken: every
// later call on it fails until the pool is opened again, so nothing is built on a hole.
//
// # What is read when
//
// The size of a file is remembered. A file that is read on and on, as scans and the recovery of a log do, is read by 64 KiB;
// single pages are read as they are asked for.
//
// # Temporary files
//
// Sorts, temporary tables, statement journals and VACUUM use temporary files once they are too large for SQLite's own
// memory. They are in memory here up to 8 MiB, all together; one that grows beyond goes to a spare file, of which there are
// four. When those are in use, too, or there is no quota, the statement fails with sqlite.Full.
//
// # Platforms
//
// The rules above are in plain Go, and tested natively with real SQLite on files that fail. Only the files with a name
// ending in _js.go, and opfs.js, know the browser. A program with this package in it needs the import module "opfs",
// which opfs.js makes; in Node, and wherever there is no OPFS, Open answers [ErrUnavailable].
//
// [FileSystemSyncAccessHandle]: https://fs.spec.whatwg.org/#api-filesystemsyncaccesshandle
package opfs
