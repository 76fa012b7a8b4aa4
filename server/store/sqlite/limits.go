package sqlite

import "time"

const (
	// growthInterval is how often a backup says how much of it is written.
	growthInterval = 200 * time.Millisecond
	// readConns bounds the reads at one time; more wait.
	readConns = 4
	// writeCacheKiB and readCacheKiB bound the page cache of a connection.
	writeCacheKiB = 16 << 10
	readCacheKiB  = 4 << 10
	// checkpointPages is how long the WAL grows before it is copied into the database: 16 MiB. A checkpoint costs two
	// syncs more than a commit.
	checkpointPages = 4000
	// walBytes is what is kept of the WAL file when it has grown larger than that.
	walBytes = 64 << 20
	// sweepRows bounds how many rows of deleted logs a commit takes away.
	sweepRows = 1000
	// maxProblems bounds the problems that a check reports; more are counted.
	maxProblems = 100
	// probeBytes is how much there must be room for at least on a disk that is not full.
	probeBytes = 1 << 20
	// checkProgressEvents is after how many events a check says how far it is.
	checkProgressEvents = 10_000
	// sweepParts bounds how many parts of large records a commit takes away.
	sweepParts = 16
	// maxPageGuessBytes bounds what a page of records begins with; it grows to what it holds.
	maxPageGuessBytes = 256 << 10
)
