package sqlite

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond/server/store"
)

// The files of a data directory, beside those that SQLite puts next to its database.
const (
	databaseFile = "millpond.db"
	lockFile     = "millpond.lock"
)

// Store keeps all logs in one SQLite database.
type Store struct {
	path    string // of the database
	vfs     string // empty: the operating system's
	lock    *sqlite3.Conn
	writer  *pool[writer]
	readers *pool[reader]
	garbage bool // there are logs to sweep; owned by who holds the writer
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Sweeper = (*Store)(nil)
)

// Open opens the database millpond.db in the directory; it makes what is missing of both. What the operator must deal
// with is a [*store.Error]: ErrLocked, ErrCorrupt, ErrForeign, ErrNewerSchema, ErrFull.
//
// It checks what can be checked without reading the whole file: its header and size, the schema, and the last record.
func Open(dir string) (*Store, error) {
	s, err := open(dir, "")
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	return s, nil
}

// open opens the database through one of SQLite's file layers: the operating system's when vfs is empty.
func open(dir, vfs string) (_ *Store, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Store{path: filepath.Join(dir, databaseFile), vfs: vfs}
	defer func() {
		if err != nil {
			s.Close()
			err = s.explain(err)
		}
	}()
	if s.lock, err = lock(dir); err != nil {
		return nil, err
	}
	if err := s.openWriter(dir); err != nil {
		return nil, err
	}
	s.readers = newPool[reader](readConns)
	for range readConns {
		r, err := openReader(s.uri())
		if err != nil {
			return nil, err
		}
		s.readers.add(r)
	}
	return s, s.checkTail()
}

// lock takes the directory for this process. It is an SQLite database, always empty, held in an exclusive transaction:
// so the lock works wherever the database does, and it goes with the process.
func lock(dir string) (*sqlite3.Conn, error) {
	path := filepath.Join(dir, lockFile)
	c, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE)
	if err != nil {
		return nil, err
	}
	err = c.Exec("BEGIN EXCLUSIVE")
	if err == nil {
		return c, nil
	}
	c.Close()
	if errors.Is(err, sqlite3.BUSY) {
		return nil, &store.Error{Kind: store.ErrLocked, Path: dir,
			Hint: "another process is serving it; stop that one, or choose another data directory"}
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}

// uri is the database as SQLite opens it.
func (s *Store) uri() string {
	if s.vfs == "" {
		return s.path
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: s.path, RawQuery: "vfs=" + s.vfs}).String()
}

func (s *Store) openWriter(dir string) error {
	c, err := sqlite3.OpenFlags(s.uri(), sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE|sqlite3.OPEN_URI)
	if err != nil {
		return err
	}
	w := &writer{conn: c}
	s.writer = newPool[writer](1)
	s.writer.add(w)
	// The schema is looked at before anything is changed: the file may be somebody else's.
	if err := prepareSchema(c, s.path); err != nil {
		return err
	}
	err = c.Exec(fmt.Sprintf(`
		PRAGMA journal_mode = WAL;
		PRAGMA synchronous = FULL;
		PRAGMA wal_autocheckpoint = %d;
		PRAGMA journal_size_limit = %d;
		PRAGMA cache_size = -%d`, checkpointPages, walBytes, writeCacheKiB))
	if err != nil {
		return err
	}
	if err := w.prepare(); errors.Is(err, sqlite3.ERROR) { // a table or column is missing
		return s.corrupt(err)
	} else if err != nil {
		return err
	}
	garbage, err := queryInt(c, "SELECT count(*) FROM garbage")
	if err != nil {
		return err
	}
	s.garbage = garbage > 0
	return syncDir(dir)
}

// syncDir makes the names of the files durable: SQLite does so for its WAL, not for the database.
func syncDir(dir string) error {
	for _, d := range []string{dir, filepath.Dir(dir)} {
		f, err := os.Open(d)
		if err != nil {
			return err
		}
		err = f.Sync()
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func openReader(uri string) (*reader, error) {
	c, err := sqlite3.OpenFlags(uri, sqlite3.OPEN_READONLY|sqlite3.OPEN_URI)
	if err != nil {
		return nil, err
	}
	r := &reader{conn: c}
	err = c.Exec(fmt.Sprintf("PRAGMA query_only = ON; PRAGMA cache_size = -%d", readCacheKiB))
	if err == nil {
		err = r.prepare()
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// checkTail looks whether the last record that was committed fits its stream's head.
func (s *Store) checkTail() error {
	w, err := s.writer.get(context.Background())
	if err != nil {
		return err
	}
	defer s.writer.put(w)
	bad, err := queryInt(w.conn, `
		SELECT count(*) FROM (SELECT stream, offset, hash FROM log ORDER BY id DESC LIMIT 1) AS l
		LEFT JOIN streams AS s ON s.id = l.stream AND s.max_offset = l.offset AND s.hash = l.hash
		WHERE s.id IS NULL AND l.stream NOT IN (SELECT stream FROM garbage)`)
	if err == nil && bad > 0 {
		err = s.corrupt(errors.New("the last record does not fit its stream's head"))
	}
	return err
}

// Close waits for the reads and the commit that are running and closes the database.
func (s *Store) Close() error {
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.close((*reader).close))
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close((*writer).close)) // the last one: it moves the WAL into the database
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
