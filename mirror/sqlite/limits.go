package sqlite

import "time"

const (
	// busyTimeout is how long a statement waits for another connection's lock before it fails with Busy.
	busyTimeout = 2 * time.Second

	// maxIdleJournalBytes is what is left of the write-ahead log after a checkpoint, however large a transaction made it.
	maxIdleJournalBytes = 4 << 20
)
