package stream

// The bounds of a read.
const (
	DefaultReadEvents = 100
	MaxReadEvents     = 1000
)
