package mirror

import (
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond/mirror/opfs"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

const (
	// maxSnapshotPages is how long the write-ahead log may grow, in pages of 4 KiB, while a query reads from beneath it: 64 MiB.
	// Then the query fails.
	maxSnapshotPages = 16384
	// snapshotCacheBytes bounds what such a query keeps of the database in memory.
	snapshotCacheBytes = 2 << 20
)

// snapshots gives out connections beside the mirror's own, each to the database as it is at the moment. While there are any, the
// database is only written to at the end of its write-ahead log. When that has grown to maxSnapshotPages, SQLite writes
// over them all the same: then they fail, rather than the log grow for ever.
type snapshots struct {
	conn  sqlite.Conn
	pool  *opfs.Pool
	count int
	pages int64 // the length of the log that SQLite wants to do with otherwise
}

func (s *snapshots) open() (sqlite.Conn, func(), error) {
	if s.count == 0 {
		if err := s.hold(); err != nil {
			return nil, nil, err
		}
	}
	s.count++
	files := s.pool.Snapshot()
	leave := func() {
		files.Close()
		if s.count--; s.count == 0 {
			_ = s.setPages(s.pages) // the next commit tells what is wrong
		}
	}
	c, err := sqlite.Open(opfs.Database, sqlite.Options{Files: files})
	if err == nil {
		err = c.Exec(fmt.Sprintf("PRAGMA query_only = 1; PRAGMA cache_size = -%d", snapshotCacheBytes>>10))
	}
	if err != nil {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
		leave()
		return nil, nil, err
	}
	return c, leave, nil
}

// hold empties the log into the database, and has it grow from then on: one that SQLite is through with would begin anew, over
// what a snapshot reads.
func (s *snapshots) hold() (err error) {
	if s.pages, err = s.number("PRAGMA wal_autocheckpoint"); err != nil {
		return err
	}
	if err := s.setPages(maxSnapshotPages); err != nil {
		return err
	}
	busy, err := s.number("PRAGMA wal_checkpoint(TRUNCATE)")
	if err == nil && busy != 0 {
		err = sqlite.Busy
	}
	if err != nil {
		return errors.Join(err, s.setPages(s.pages))
	}
	return nil
}

func (s *snapshots) setPages(pages int64) error {
	_, err := s.number(fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", pages))
	return err
}

// number is the first column that a pragma answers.
func (s *snapshots) number(sql string) (n int64, err error) {
	stmt, _, err := s.conn.Prepare(sql)
	if err != nil {
		return 0, err
	}
	err = sqlite.Each(stmt, func(row sqlite.Stmt) error {
		n = row.ColumnInt64(0)
		return nil
	})
	return n, errors.Join(err, stmt.Close())
}
