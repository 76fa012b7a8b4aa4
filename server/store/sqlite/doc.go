// Package sqlite is the embedded log store: one SQLite database, in WAL mode with synchronous=FULL, so that a commit
// that returned survives a power cut.
//
// One connection writes, a few read beside it. The directory belongs to one process at a time: a lock file, held by
// SQLite's own file locks, keeps a second one out and is free again as soon as the process is gone, however it went.
//
// A record is stored byte for byte. A reset gives the name a new row in streams and leaves the old log to be deleted by
// the commits that follow, a bounded number of rows each: so resetting a large stream does not hold up the others.
//
// Backups: [Backup] at any time, or copy the directory while the server is stopped. Do not copy a part of the files. Network file systems that do not lock truthfully are not supported.
package sqlite
