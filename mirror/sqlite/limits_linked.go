//go:build js && !gosqlite

package sqlite

const (
	// progressInstructions is after how many of SQLite's instructions OnProgress is asked.
	progressInstructions = 1000

	// Memory of SQLite that is kept for the next value or statement: at least, and at most, a buffer.
	minBufferBytes     = 64
	maxKeptBufferBytes = 64 << 10
)
