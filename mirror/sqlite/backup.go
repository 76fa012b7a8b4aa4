package sqlite

import "io"

// plainHeader writes a database file, and on the way takes the write-ahead log out of its header: it is there to be opened
// by anybody, also from where no log can be written. https://sqlite.org/fileformat2.html#file_format_version_numbers.
type plainHeader struct {
	to io.Writer
	at int
}

// The two bytes that say how a file is written and read, and what says that it is without a write-ahead log.
const (
	versionsAt    = 18
	versionsEnd   = 20
	legacyVersion = 1
)

func (h *plainHeader) Write(p []byte) (int, error) {
	if h.at < versionsEnd {
		p = append([]byte{}, p...)
		for i := max(versionsAt-h.at, 0); i < min(versionsEnd-h.at, len(p)); i++ {
			p[i] = legacyVersion
		}
	}
	h.at += len(p)
	return h.to.Write(p)
}
