package sqlite

import (
	"fmt"
	"strings"
)

// Memory is the path of a database that lives as long as its connection.
const Memory = ":memory:"

// Options of Open. The zero value is for a file of the operating system that other programs may read meanwhile.
type Options struct {
	// Files is the file layer that has the path. nil is the operating system's.
	Files Files
	// Exclusive keeps every other connection out for as long as this one is open: they fail with Busy.
	// It is implied by Files, because a file layer has no memory that connections could share.
	Exclusive bool
}

// Open opens or creates the database at path, with a write-ahead log and synchronous=NORMAL: a power loss may take
// the last transactions, all of each, and never damages the file. PRAGMA synchronous=FULL keeps them too.
func Open(path string, o Options) (Conn, error) {
	conn, err := open(path, o.Files)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := configure(conn, o); err != nil {
		conn.Close() // the first error is the one that tells
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return conn, nil
}

func configure(conn Conn, o Options) error {
	var sql strings.Builder
	fmt.Fprintf(&sql, "PRAGMA busy_timeout=%d;", busyTimeout.Milliseconds())
	if o.Exclusive || o.Files != nil {
		sql.WriteString("PRAGMA locking_mode=EXCLUSIVE;") // before WAL: without it, WAL asks for shared memory
	}
	fmt.Fprintf(&sql, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=%d;", maxIdleJournalBytes)
	// The first read finds out whether the file is a database at all, and takes the lock of Exclusive.
	sql.WriteString("SELECT count(*) FROM sqlite_schema;")
	return conn.Exec(sql.String())
}
