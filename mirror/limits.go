package mirror

import "time"

// The limits of a mirror.
const (
	// defaultAppendWait bounds how long Wait waits for a connection.
	defaultAppendWait = 10 * time.Second

	// maxSending and maxSendingBytes bound the appends that are on their way to the server at a time. The others wait in the
	// database.
	maxSending      = 256
	maxSendingBytes = 8 << 20

	// maxCommands bounds the calls that wait for the loop; more block their callers.
	maxCommands = 64

	// maxInbox bounds what the connection has delivered and the loop has not taken; a full one stops the reader, and so
	// the server.
	maxInbox = 16

	// buildRetry is how long building projections waits when the storage has failed.
	buildRetry = time.Second

	// checkInterval is how often the mirror looks whether its files are where they were, and how much room there is. It warns when
	// less is left than lowSpaceBytes, and than one part of lowSpaceShare of the quota.
	lowSpaceBytes = 64 << 20
	lowSpaceShare = 10
	checkInterval = 30 * time.Second

	// maxStorageFailures is how often in a row the storage may fail, for no reason that is known, before its files are opened
	// again. When the database had to be replaced maxReplacements times within replaceWindow, the mirror goes to memory.
	maxStorageFailures = 3
	maxReplacements    = 3
	replaceWindow      = 10 * time.Minute
	// endingInterval is how often it is tried to write what has become of appends, while the storage fails.
	endingInterval = time.Second

	// querySlice is how long the loop runs a query, before it is begun again beside it: half a frame.
	querySlice = 8 * time.Millisecond
	// maxBeside bounds the queries that run beside the loop at a time; more wait.
	maxBeside = 4

	// flushInterval is how often live queries run again and status is pushed, at the most: once a frame of a 60 Hz screen.
	flushInterval = 16 * time.Millisecond
)
