package sqlite

import "time"

const (
	// busyTimeout is how long a statement waits for another connection's lock before it fails with Busy.
	busyTimeout = 2 * time.Second

	// maxIdleJournalBytes is what is left of the write-ahead log after a checkpoint, however large a transaction made it.
	maxIdleJournalBytes = 4 << 20

	// progressInstructions is after how many of SQLite's instructions OnProgress is asked.
	progressInstructions = 1000

	// Memory of SQLite that is kept for the next value or statement: at least, and at most, a buffer.
	minBufferBytes     = 64
	maxKeptBufferBytes = 64 << 10
)
