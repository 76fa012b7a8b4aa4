//go:build !js

package mirror

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// B9: a batch that cannot be applied does not move the position; it is asked for again, and the status says so.
// B16: no room is a status, not a crash.
func TestStorageFull(t *testing.T) {
	f := newFakeServer(t)
	m := open(t, f, Options{})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 2))
	limit := func(pages int) {
		m.do(t.Context(), func(l *loop) {
			if err := l.db.conn.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
				t.Error(err)
			}
		})
	}
	limit(1) // SQLite takes it for the size that the database has
	f.add(pond, 5000, "frog")
	s := until(t, m, func(s Status) bool { return s.Streams[0].State == Failed })
	if st := s.Streams[0]; st.Offset != 2 || st.LastError.Action != millpond.Retry || st.RetryAt.IsZero() ||
		s.StorageError == nil || s.StorageError.Code != CodeStorageFull || s.StorageError.Action != FreeSpace || s.Connection != Connected {
		t.Errorf("status %+v", s)
	}
	limit(100_000)
	s = until(t, m, caughtUp(pond, 5002))
	if s.StorageError != nil || s.Streams[0].LastError != nil {
		t.Errorf("status %+v", s)
	}
}

// B9: batches that do not fit the copy are asked for again; when that does not help the copy is replaced.
func TestWrongHash(t *testing.T) {
	f := newFakeServer(t)
	m := open(t, f, Options{})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 2))
	f.change(func() { f.corrupt = 3 })
	f.add(pond, 1, "frog")
	until(t, m, func(s Status) bool { return s.Streams[0].State == Failed && s.Streams[0].Offset == 2 })
	until(t, m, caughtUp(pond, 3))
	if last := await[*millpond.Subscribe](f, 4); *last.After != 0 || last.Hash != nil {
		t.Errorf("the last of the subscriptions was %+v", last)
	}
	if n := number(t, m, "SELECT count(*) FROM events"); n != 3 {
		t.Errorf("%d events", n)
	}
}

// fill makes a mirror's database file with some events in it.
func fill(t *testing.T, f *fakeServer) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "mirror.db")
	f.add(pond, 1000, "frog")
	m := open(t, f, Options{Path: path})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 1002))
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUselessDatabaseIsFilledAgain(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"damaged pages": func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 4096; i < len(b); i++ {
				b[i] = 0xa5
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"rows are missing": func(t *testing.T, path string) { execute(t, path, "DELETE FROM event_rows WHERE offset > 900") },
		"another version":  func(t *testing.T, path string) { execute(t, path, "PRAGMA user_version = 99") },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeServer(t)
			path := fill(t, f)
			spoil(t, path)
			m := open(t, f, Options{Path: path})
			stream(t, m, pond)
			s := until(t, m, caughtUp(pond, 1002))
			if s.StorageError == nil || s.Storage != StorageFile {
				t.Errorf("status %+v", s)
			}
			if n := number(t, m, "SELECT count(*) FROM events"); n != 1002 {
				t.Errorf("%d events", n)
			}
		})
	}
}

// A file of somebody else's is not touched.
func TestOtherFilesAreLeftAlone(t *testing.T) {
	for name, write := range map[string]func(t *testing.T, path string){
		"no database": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("my diary\n", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"another program's": func(t *testing.T, path string) { execute(t, path, "CREATE TABLE diary (day, text)") },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "diary")
			write(t, path)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), Options{Path: path})
			var schema *replica.SchemaError
			if !errors.As(err, &schema) && !errors.Is(err, sqlite.NotADB) {
				t.Errorf("got %v", err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

func execute(t *testing.T, path, sql string) {
	t.Helper()
	c, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Exec(sql); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// A database belongs to one mirror; other programs read it meanwhile.
func TestOtherProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	m := open(t, nil, Options{Path: path})
	if _, err := Open(t.Context(), Options{Path: path}); !errors.Is(err, sqlite.Busy) || !strings.Contains(err.Error(), "open in another mirror") {
		t.Errorf("a second mirror: %v", err)
	}
	reading, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	s := stream(t, m, pond)
	for range 3 {
		if _, err := s.Append(t.Context(), millpond.Input{Type: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := query.Run(t.Context(), reading, "SELECT count(*) FROM outbox")
	if err != nil || cell(t, r) != 3 {
		t.Errorf("another program reads %v, %v", r, err)
	}
}
