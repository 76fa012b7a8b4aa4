package query

import "time"

// The limits of a query, unless [Options] say otherwise.
const (
	// DefaultMaxRows bounds the rows of a result.
	DefaultMaxRows = 100_000
	// DefaultMaxBytes bounds what a result takes in memory.
	DefaultMaxBytes = 64 << 20

	// DefaultMaxStep bounds how long SQLite may take on the way to the next row.
	DefaultMaxStep = 2 * time.Second

	// yieldInterval is how long a query goes on before it gives way: half a frame of a 60 Hz screen.
	yieldInterval = 8 * time.Millisecond
	// rowsPerLook is how many rows are read between looks at the clock, unless SQLite asks meanwhile.
	rowsPerLook = 16
	// maxStatements bounds the compiled statements that a Reader keeps: those used last.
	maxStatements = 64
	// cellBytes is what a cell of a result takes, besides the bytes of a text or a blob.
	cellBytes = 24
	// maxSafeInteger is the largest integer that a JSON number keeps everywhere: 2^53 - 1.
	maxSafeInteger = 1<<53 - 1
)
