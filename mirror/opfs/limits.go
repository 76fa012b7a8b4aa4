package opfs

import "time"

const (
	// maxWriteBytes bounds the contiguous bytes that wait to be written as one.
	maxWriteBytes = 256 << 10

	// maxReadAheadBytes bounds what is read, and kept, of a file that is read on and on, per file.
	maxReadAheadBytes = 64 << 10

	// maxTempBytes bounds the temporary files in memory, all together: what grows beyond goes to a spare file, of which
	// there are spareFiles. SQLite keeps small ones to itself: a sort comes here when it is over 2 MiB. Two of the spare
	// files are what one large sort needs, or one VACUUM and another temporary table.
	maxTempBytes = 8 << 20
	spareFiles   = 4

	// maxNameBytes bounds the name of a pool.
	maxNameBytes = 64

	// A file that another worker has just left can stay locked for a moment: Open tries again, with a pause that
	// doubles, for openPatience in all.
	openPatience = 3 * time.Second
	minOpenPause = time.Millisecond
	maxOpenPause = 50 * time.Millisecond
)
