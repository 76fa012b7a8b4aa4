package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond/server/store"
)

// execIn runs SQL on the closed database of a directory.
func execIn(t *testing.T, dir, sql string) {
	t.Helper()
	c, err := sqlite3.Open(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exec(sql); err != nil {
		t.Fatal(err)
	}
}

// filled makes a data directory with some records, closed.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	child, _ := startChild(t, dir, 100)
	child.Process.Kill()
	child.Wait()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What is wrong with a database is told apart, with the path and what to do, and the file is left as it was.
func TestOpenBadDatabase(t *testing.T) {
	write := func(data string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, databaseFile), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	exec := func(sql string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { execIn(t, dir, sql) }
	}
	for _, test := range []struct {
		what string
		harm func(t *testing.T, dir string)
		want error
	}{
		{"not a database", write("this is no database, but it is longer than a database's header is, of a hundred bytes: so SQLite looks into it"), store.ErrCorrupt},
		{"cut off", func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, databaseFile), 3*4096); err != nil {
				t.Fatal(err)
			}
		}, store.ErrCorrupt},
		{"of another program", exec("PRAGMA application_id = 7"), store.ErrForeign},
		{"of a newer version", exec("PRAGMA user_version = 1000"), store.ErrNewerSchema},
		{"without a version", exec("PRAGMA user_version = 0"), store.ErrCorrupt},
		{"without a table", exec("DROP TABLE log"), store.ErrCorrupt},
		{"with another head", exec("UPDATE streams SET max_offset = max_offset - 1"), store.ErrCorrupt},
	} {
		t.Run(test.what, func(t *testing.T) {
			dir := filled(t)
			test.harm(t, dir)
			before, err := os.ReadFile(filepath.Join(dir, databaseFile))
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(dir)
			if err == nil {
				s.Close()
			}
			var detail *store.Error
			if !errors.Is(err, test.want) || !errors.As(err, &detail) || detail.Hint == "" || detail.Path != filepath.Join(dir, databaseFile) {
				t.Errorf("got %v, want %v with the path and a hint", err, test.want)
			}
			after, err := os.ReadFile(filepath.Join(dir, databaseFile))
			if err != nil || string(after) != string(before) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

// Damage that is found only when it is read is ErrCorrupt, too: the last leaf of the log is overwritten.
func TestReadCorruptDatabase(t *testing.T) {
	dir := filled(t)
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// Another connection takes a record out of the middle.
	execIn(t, dir, "DELETE FROM log WHERE offset = 5")
	head, err := s.Head(t.Context(), name("/crash/a"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Read(t.Context(), head.Stream, store.Range{Limit: 10, Bytes: 1 << 20})
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("got %+v, %v, want ErrCorrupt", page, err)
	}
}

func TestExplain(t *testing.T) {
	s := &Store{path: "/data/millpond.db"}
	for _, test := range []struct{ err, want error }{
		{sqlite3.FULL, store.ErrFull},
		{syscall.ENOSPC, store.ErrFull},
		{sqlite3.CORRUPT_INDEX, store.ErrCorrupt},
		{sqlite3.NOTADB, store.ErrCorrupt},
	} {
		err := s.explain(test.err)
		var detail *store.Error
		if !errors.Is(err, test.want) || !errors.Is(err, test.err) || !errors.As(err, &detail) || detail.Path != s.path {
			t.Errorf("%v: got %v, want %v, with its cause and path", test.err, err, test.want)
		}
	}
	if err := s.explain(sqlite3.BUSY); err != error(sqlite3.BUSY) {
		t.Errorf("got %v, want the error as it was", err)
	}
}

// The disk is full: the commit fails with ErrFull, nothing of it is there, and the store works on when there is room.
func TestDiskFull(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := <-s.writer.free
	err = w.conn.Exec("PRAGMA max_page_count = 1") // no less than there are
	s.writer.put(w)
	if err != nil {
		t.Fatal(err)
	}
	batch := func(path string, bytes int) []store.Batch {
		return []store.Batch{{
			Stream:  store.Stream{Name: name(path), Incarnation: "i"},
			Records: []store.Record{{Data: make([]byte, bytes)}},
		}}
	}
	if err := s.Commit(t.Context(), batch("/big", 1<<20)); !errors.Is(err, store.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if _, err := s.Head(t.Context(), name("/big")); !errors.Is(err, store.ErrNoStream) {
		t.Errorf("got %v, want ErrNoStream", err)
	}
	w = <-s.writer.free
	err = w.conn.Exec("PRAGMA max_page_count = 1000000")
	s.writer.put(w)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), batch("/big", 1<<20)); err != nil {
		t.Error(err)
	}
}
