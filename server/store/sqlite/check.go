package sqlite

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Severity says how bad a problem is.
type Severity string

// The severities.
const (
	Broken  Severity = "broken"  // what was acknowledged is lost or changed
	Warning Severity = "warning" // nothing is lost; somebody should look
	Note    Severity = "note"    // worth knowing
)

// Problem is something that a check has found.
type Problem struct {
	Severity Severity `json:"severity"`
	Check    string   `json:"check"` // which one: stable, for programs
	Stream   string   `json:"stream,omitempty"`
	Offset   uint64   `json:"offset,omitempty"`
	Message  string   `json:"message"`
	Advice   string   `json:"advice,omitempty"`
}

// Report is what a check has found.
type Report struct {
	Path     string    `json:"path"`
	Schema   int64     `json:"schema"`
	Foreign  bool      `json:"foreign,omitempty"` // it is no database of a server
	Streams  uint64    `json:"streams"`
	Events   uint64    `json:"events"`
	Problems []Problem `json:"problems"`
	Omitted  int       `json:"omitted,omitempty"` // problems over the bound
}

// Broken reports whether anything is.
func (r *Report) Broken() bool {
	for _, p := range r.Problems {
		if p.Severity == Broken {
			return true
		}
	}
	return false
}

// Add adds a problem.
func (r *Report) Add(p Problem) {
	if len(r.Problems) >= maxProblems {
		r.Omitted++
		return
	}
	r.Problems = append(r.Problems, p)
}

// CheckOptions are for Check. The zero value works.
type CheckOptions struct {
	Snapshot func(store.Head) error   // why a stream's snapshot cannot be used; nil: not looked at
	Progress func(done, total uint64) // events; nil: nobody is told
}

// Check reads a whole database, which may be in use, and compares everything in it with everything else. It changes
// nothing. It sees the database as it was at one moment; while it runs, the WAL of one that is in use grows. Its error says why
// the database could not be checked to the end.
func Check(ctx context.Context, path string, opts CheckOptions) (*Report, error) {
	r := &Report{Path: path, Problems: []Problem{}}
	if _, err := os.Stat(path); err != nil {
		return r, err
	}
	c, err := openToRead(path)
	if err != nil {
		return r, explainOpen(path, err)
	}
	defer c.Close()
	c.SetInterrupt(ctx)
	k := &checker{conn: c, opts: opts, report: r}
	if err := k.run(); err != nil {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		return r, explainOpen(path, err)
	}
	return r, nil
}

// openToRead opens a database that may be in use. Where nothing can be written SQLite cannot read one with a write-ahead log as
// others do, with a lock on it; without a log, nobody writes to it, and it is read as a file that does not change.
func openToRead(path string) (*sqlite3.Conn, error) {
	c, err := sqlite3.OpenFlags(path, sqlite3.OPEN_READONLY)
	if err != nil {
		return nil, err
	}
	_, err = queryInt(c, "PRAGMA schema_version") // opens the files
	if !errors.Is(err, sqlite3.CANTOPEN) && !errors.Is(err, sqlite3.READONLY) {
		return c, nil // what is wrong with it is found again
	}
	c.Close()
	if _, walErr := os.Lstat(path + "-wal"); !errors.Is(walErr, os.ErrNotExist) {
		return nil, err
	}
	uri := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "immutable=1"}
	return sqlite3.OpenFlags(uri.String(), sqlite3.OPEN_READONLY|sqlite3.OPEN_URI)
}

// explainOpen says what to do when a database cannot be read.
func explainOpen(path string, err error) error {
	switch {
	case errors.Is(err, sqlite3.NOTADB):
		return &store.Error{Kind: store.ErrCorrupt, Path: path, Err: err, Hint: "it is no SQLite database, or its first page is lost: restore a backup"}
	case errors.Is(err, sqlite3.CANTOPEN), errors.Is(err, sqlite3.READONLY), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: %w: run this as the user who owns the data; where nobody can write, copy the folder to where you can", path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// checker checks one database, in one read transaction.
type checker struct {
	conn   *sqlite3.Conn
	parts  *sqlite3.Stmt // of a large record
	opts   CheckOptions
	report *Report
	total  uint64
	done   uint64
}

func (k *checker) run() error {
	if err := k.conn.Exec("PRAGMA query_only = ON; BEGIN"); err != nil {
		return err
	}
	known, err := k.header()
	if err != nil || !known {
		return err
	}
	for _, check := range []func() error{k.integrity, k.leftovers, k.streams} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// header reports whether the database is one that this program knows.
func (k *checker) header() (known bool, err error) {
	id, err := queryInt(k.conn, "PRAGMA application_id")
	if err != nil {
		return false, err
	}
	if k.report.Schema, err = queryInt(k.conn, "PRAGMA user_version"); err != nil {
		return false, err
	}
	switch {
	case id != applicationID:
		k.report.Foreign = true
		k.report.Add(Problem{Severity: Broken, Check: "header", Message: "this is not a Millpond database",
			Advice: "name the data folder of a server, or a backup"})
	case k.report.Schema > schemaVersion:
		k.report.Add(Problem{Severity: Warning, Check: "header",
			Message: fmt.Sprintf("the database has version %d, and this program knows up to %d", k.report.Schema, schemaVersion),
			Advice:  "check it with the release that wrote it, or a newer one"})
	case k.report.Schema < schemaVersion:
		k.report.Add(Problem{Severity: Note, Check: "header",
			Message: fmt.Sprintf("the database has version %d: a server of this release brings it to %d when it opens it", k.report.Schema, schemaVersion)})
		return k.report.Schema > 0, nil
	default:
		return true, nil
	}
	return false, nil
}

// integrity is SQLite's own check: pages, B-trees, indexes, constraints.
func (k *checker) integrity() error {
	return k.each(fmt.Sprintf("PRAGMA integrity_check(%d)", maxProblems), func(row *sqlite3.Stmt) error {
		if text := row.ColumnText(0); text != "ok" {
			k.report.Add(Problem{Severity: Broken, Check: "integrity", Message: "SQLite says: " + text, Advice: restore})
		}
		return nil
	})
}

// leftovers looks for rows that belong to no stream.
func (k *checker) leftovers() error {
	tables := []string{"log", "snapshots"}
	if k.report.Schema >= 2 {
		tables = append(tables, "checkpoints")
	}
	for _, table := range tables {
		n, err := queryInt(k.conn, `SELECT count(*) FROM `+table+` WHERE stream NOT IN (SELECT id FROM streams)
			AND stream NOT IN (SELECT stream FROM garbage)`)
		if err != nil {
			return err
		}
		if n > 0 {
			k.report.Add(Problem{Severity: Warning, Check: "leftovers", Message: fmt.Sprintf("%d rows of the table %s belong to no stream", n, table),
				Advice: "nothing reads them; no server leaves such rows, so something else has written to the database"})
		}
	}
	n, err := queryInt(k.conn, "SELECT count(*) FROM log WHERE stream IN (SELECT stream FROM garbage)")
	if err == nil && n > 0 {
		k.report.Add(Problem{Severity: Note, Check: "leftovers", Message: fmt.Sprintf("%d events of streams that were reset are not deleted yet", n),
			Advice: "a running server deletes them bit by bit"})
	}
	return err
}

// each calls fn with each row.
func (k *checker) each(sql string, fn func(*sqlite3.Stmt) error) error {
	stmt, _, err := k.conn.Prepare(sql)
	if err != nil {
		return err
	}
	defer stmt.Close()
	return rows(stmt, fn)
}

// streams checks each stream.
func (k *checker) streams() error {
	total, err := queryInt(k.conn, "SELECT coalesce(sum(max_offset), 0) FROM streams")
	if err != nil {
		return err
	}
	k.total = uint64(max(total, 0))
	log, _, err := k.conn.Prepare("SELECT offset, hash, idempotency_key, record, record_bytes, id FROM log WHERE stream = ? ORDER BY offset")
	if err != nil {
		return err
	}
	defer log.Close()
	if k.parts, _, err = k.conn.Prepare("SELECT data FROM parts WHERE log = ? ORDER BY n"); err != nil {
		return err
	}
	defer k.parts.Close()
	return k.each(`SELECT s.id, s.namespace, s.path, s.incarnation, s.max_offset, s.hash, p.version, p.data
		FROM streams AS s LEFT JOIN snapshots AS p ON p.stream = s.id ORDER BY s.namespace, s.path`, func(row *sqlite3.Stmt) error {
		head := store.Head{
			Stream: store.Stream{Name: millpond.Name{Namespace: row.ColumnText(1), Path: row.ColumnText(2)},
				Incarnation: millpond.Incarnation(row.ColumnText(3))},
			Offset:   uint64(row.ColumnInt64(4)),
			Hash:     millpond.Hash(row.ColumnInt64(5)),
			Snapshot: store.Snapshot{Version: row.ColumnInt(6), Data: row.ColumnBlob(7, nil)},
		}
		k.report.Streams++
		return k.stream(log, row.ColumnInt64(0), &head)
	})
}
