package opfs

import "time"

const (
	// maxWriteBytes bounds the contiguous bytes that wait, per file, to be written as one.
	maxWriteBytes = 256 << 10

	// maxNameBytes bounds the name of a pool.
	maxNameBytes = 64

	// A file that another worker has just left can stay locked for a moment: Open tries again, with a pause that
	// doubles, for openPatience in all.
	openPatience = 3 * time.Second
	minOpenPause = time.Millisecond
	maxOpenPause = 50 * time.Millisecond
)
