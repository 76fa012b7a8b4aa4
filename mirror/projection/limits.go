package projection

import "time"

// The limits of projections.
const (
	// MaxProjections bounds the projections of a mirror.
	MaxProjections = 64
	// MaxNameBytes bounds the name of a projection, of a table and of an index.
	MaxNameBytes = 64
	// MaxStatements bounds the different statements of a projection: each is kept compiled.
	MaxStatements = 256
	// MaxStatementBytes bounds the text of one.
	MaxStatementBytes = 64 << 10

	// maxKept bounds for how many streams a version keeps what Apply leaves in Tx.Memory.
	maxKept = 64

	// A call of Apply may take applyTime and eventTime for each event before it is too slow: hundreds of times what is usual, for
	// nothing else happens meanwhile.
	applyTime = 2 * time.Second
	eventTime = 2 * time.Millisecond
	// asksPerLook is how often SQLite asks whether to go on between two looks at the clock, which is dear in a browser.
	asksPerLook = 64

	// maxBatch and maxBatchBytes bound the events of one call of Apply.
	maxBatch      = 4096
	maxBatchBytes = 1 << 20

	// A slice of events that are folded again is so long that it takes about sliceTime.
	sliceTime     = 8 * time.Millisecond
	firstSlice    = 64
	shortestSlice = 16
	longestSlice  = 8192
)
