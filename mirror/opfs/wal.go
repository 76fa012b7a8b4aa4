package opfs

import "encoding/binary"

// walFrameHeaderBytes is the size of what precedes each page in a write-ahead log, and is written by itself:
// https://sqlite.org/fileformat2.html#wal_frame_header.
const walFrameHeaderBytes = 24

// walCommits makes the endsTransaction of a write-ahead log: it answers true to the page that follows a header with
// a commit mark. Sending out what is pending there, and not after it, lets SQLite roll back when that fails.
func walCommits() func(p []byte, at int64) bool {
	commit := false
	return func(p []byte, _ int64) bool {
		if len(p) == walFrameHeaderBytes {
			commit = binary.BigEndian.Uint32(p[4:]) != 0 // pages of the database after the commit, else 0
			return false
		}
		ends := commit
		commit = false
		return ends
	}
}
