package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// fill makes a database with two streams of a few events each, the second one with another incarnation behind it.
func fill(t *testing.T, s *Store) {
	t.Helper()
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	var replaced millpond.Incarnation
	for i, path := range []string{"/a", "/b", "/b"} {
		at := now.Add(time.Duration(i) * time.Second)
		created, err := json.Marshal(millpond.CreatedPayload{Namespace: "default", Path: path, ID: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		events := []millpond.Event{{Type: millpond.TypeCreated, Payload: created}, {Type: "x", IdempotencyKey: "k1"}, {Type: "x", IdempotencyKey: "k2"}, {Type: "x"}}
		b := store.Batch{Stream: store.Stream{Name: name(path), Incarnation: millpond.IncarnationOf(at)}, Replaces: ""}
		if i == 2 {
			b.Replaces = replaced
		}
		var hash millpond.Hash
		for j := range events {
			e := &events[j]
			e.Offset, e.CreatedAt = uint64(j+1), at
			data := millpond.AppendRecord(nil, e)
			hash = hash.Next(data)
			b.Records = append(b.Records, store.Record{Data: data, Hash: hash, Key: e.IdempotencyKey})
		}
		b.Snapshot = store.Snapshot{Version: 1, Data: []byte("snapshot")}
		if err := s.Commit(t.Context(), []store.Batch{b}); err != nil {
			t.Fatal(err)
		}
		replaced = b.Stream.Incarnation
	}
}

// plant makes a data directory and does something bad to its database.
func plant(t *testing.T, sql string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := sqlite3.Open(DatabasePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exec(sql); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Each thing that can be wrong with a database is found, and called by its name.
func TestCheck(t *testing.T) {
	const a, b = "(SELECT id FROM streams WHERE path = '/a')", "(SELECT id FROM streams WHERE path = '/b')"
	for _, test := range []struct {
		what, sql string
		severity  Severity
		check     string
		says      []string
	}{
		{"a lost event", "DELETE FROM log WHERE offset = 3 AND stream = " + a, Broken, "offsets", []string{"default:/a offset 3", "after offset 2 comes 4"}},
		{"a lost first event", "DELETE FROM log WHERE offset = 1 AND stream = " + a, Broken, "offsets", []string{"default:/a offset 1"}},
		{"a lost last event", "DELETE FROM log WHERE offset = 4 AND stream = " + b, Broken, "offsets", []string{"default:/b", "ends at offset 3", "says 4"}},
		{"a lost log", "DELETE FROM log WHERE stream = " + a, Broken, "offsets", []string{"default:/a", "ends at offset 0"}},
		{"a changed record", "UPDATE log SET record = CAST(replace(CAST(record AS TEXT), 'x', 'y') AS BLOB) WHERE offset = 4 AND stream = " + a,
			Broken, "hash-chain", []string{"default:/a offset 4", "changed"}},
		{"a changed hash", "UPDATE log SET hash = hash + 1 WHERE offset = 2 AND stream = " + a, Broken, "hash-chain", []string{"default:/a offset 2"}},
		{"another hash in the head", "UPDATE streams SET hash = hash + 1 WHERE path = '/b'", Broken, "hash-chain", []string{"default:/b offset 4", "its head says"}},
		{"a head ahead", "UPDATE streams SET max_offset = 9 WHERE path = '/b'", Broken, "offsets", []string{"default:/b", "ends at offset 4", "says 9"}},
		{"a record that is none", "UPDATE log SET record = x'ff' WHERE offset = 2 AND stream = " + a, Broken, "record", []string{"default:/a offset 2", "cannot be read"}},
		{"two records in each other's place", "UPDATE log SET record = (SELECT record FROM log AS o WHERE o.stream = log.stream AND o.offset = 5 - log.offset) WHERE offset IN (2, 3) AND stream = " + a,
			Broken, "record", []string{"default:/a offset 2", "its offset is 3"}},
		{"a lost key", "UPDATE log SET idempotency_key = NULL WHERE offset = 2 AND stream = " + a, Broken, "idempotency-key", []string{"default:/a offset 2", `"k1"`}},
		{"another key", "UPDATE log SET idempotency_key = 'other' WHERE offset = 3 AND stream = " + a, Broken, "idempotency-key", []string{"default:/a offset 3", `"other"`}},
		{"a key from nowhere", "UPDATE log SET idempotency_key = 'new' WHERE offset = 4 AND stream = " + a, Broken, "idempotency-key", []string{"default:/a offset 4", `"new"`}},
		{"another stream's log", "UPDATE streams SET path = '/c' WHERE path = '/a'", Broken, "created", []string{"default:/c offset 1", "default:/a"}},
		{"another incarnation", "UPDATE streams SET incarnation = '2020-01-01T00:00:00.000000000Z' WHERE path = '/a'", Broken, "created", []string{"default:/a offset 1", "2020"}},
		{"a name that is none", "UPDATE streams SET path = 'A' WHERE path = '/a'", Broken, "name", []string{"default:A"}},
		{"a useless snapshot", "UPDATE snapshots SET data = x'00' WHERE stream = " + a, Warning, "snapshot", []string{"default:/a", "no snapshot of mine", "nothing to do"}},
		{"rows of no stream", "INSERT INTO log (stream, offset, hash, record) VALUES (99, 1, 1, x'00')", Warning, "leftovers", []string{"1 rows of the table log"}},
		{"a snapshot of no stream", "INSERT INTO snapshots VALUES (99, 1, x'00')", Warning, "leftovers", []string{"1 rows of the table snapshots"}},
		{"a checkpoint of no stream", "INSERT INTO checkpoints VALUES (99, 'k', x'00')", Warning, "leftovers", []string{"1 rows of the table checkpoints"}},
		{"what a reset has left", "UPDATE log SET stream = 98 WHERE stream = " + a + "; DELETE FROM snapshots WHERE stream = " + a + "; DELETE FROM streams WHERE path = '/a'; INSERT INTO garbage VALUES (98)",
			Note, "leftovers", []string{"4 events", "not deleted yet"}},
		{"an index that disagrees", "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'idempotency_key IS NOT NULL', 'offset > 2') WHERE name = 'log_idempotency_key'",
			Broken, "integrity", []string{"SQLite says", "log_idempotency_key"}},
		{"another program's database", "PRAGMA application_id = 7", Broken, "header", []string{"not a Millpond database"}},
		{"a newer version", "PRAGMA user_version = 99", Warning, "header", []string{"version 99", "release that wrote it"}},
	} {
		dir := plant(t, test.sql)
		report, err := Check(t.Context(), DatabasePath(dir), CheckOptions{Snapshot: func(h store.Head) error {
			if string(h.Snapshot.Data) != "snapshot" {
				return errors.New("no snapshot of mine")
			}
			return nil
		}})
		if err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		i := slices.IndexFunc(report.Problems, func(p Problem) bool { return p.Check == test.check })
		if i < 0 {
			t.Errorf("%s: not found: %+v", test.what, report.Problems)
			continue
		}
		p := report.Problems[i]
		text := fmt.Sprintf("%s offset %d: %s: %s", p.Stream, p.Offset, p.Message, p.Advice)
		for _, want := range test.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: does not say %q: %s", test.what, want, text)
			}
		}
		if p.Severity != test.severity || report.Broken() != (test.severity == Broken) {
			t.Errorf("%s: is %s: %+v", test.what, p.Severity, report.Problems)
		}
		if test.severity == Broken { // nothing of it is backed up, or restored
			file := filepath.Join(t.TempDir(), "backup.db")
			if _, err := Backup(t.Context(), dir, file, CopyOptions{}); err == nil && test.check != "integrity" {
				t.Errorf("%s: was backed up", test.what)
			}
			if _, err := Restore(t.Context(), DatabasePath(dir), t.TempDir(), CopyOptions{}); err == nil {
				t.Errorf("%s: was restored", test.what)
			}
		}
	}
}

// Bytes that are lost on the disk are found, wherever they are, or do no harm.
func TestCheckDamagedPages(t *testing.T) {
	whole := plant(t, "PRAGMA journal_mode = DELETE")
	image, err := os.ReadFile(DatabasePath(whole))
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(image); at += 4096 {
		damaged := slices.Clone(image)
		for i := at; i < at+4096; i++ {
			damaged[i] ^= 0x55
		}
		file := filepath.Join(t.TempDir(), "damaged.db")
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if report, err := Check(t.Context(), file, CheckOptions{}); err == nil && !report.Broken() {
			t.Errorf("page %d is damaged, and nothing is found", at/4096+1)
		}
	}
}

// A check changes nothing, and finds nothing where nothing is wrong, also while the database is written to.
func TestCheckInUse(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s)
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		stream := store.Stream{Name: name("/busy"), Incarnation: "x"}
		for n := uint64(0); ; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := s.Commit(context.Background(), []store.Batch{{Stream: stream, After: n, Records: []store.Record{{Data: []byte{1}}}}}); err != nil {
				done <- err
				return
			}
		}
	}()
	for range 5 {
		report, err := Check(t.Context(), DatabasePath(dir), CheckOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range report.Problems {
			if p.Stream != "default:/busy" { // whose records are none
				t.Errorf("%+v", p)
			}
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A backup is the same streams, in a file that a server can be started on; a restored one too.
func TestBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s)
	file := filepath.Join(t.TempDir(), "backup.db")
	var copied, restoring growth
	report, err := Backup(t.Context(), dir, file, CopyOptions{Copied: copied.note}) // while it is open
	if err != nil || report.Streams != 2 || report.Events != 8 || report.Path != file || report.Broken() {
		t.Fatalf("%+v %v", report, err)
	}
	if !copied.whole() {
		t.Errorf("it was said to have copied %v", copied)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: something is left beside the backup", entries, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the backup: %v %v", info.Mode(), err)
	}
	if _, err := Backup(t.Context(), dir, file, CopyOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a backup over another one: %v", err)
	}
	restored := filepath.Join(t.TempDir(), "new", "data")
	if _, err := Restore(t.Context(), file, restored, CopyOptions{Copied: restoring.note}); err != nil {
		t.Fatal(err)
	}
	if !restoring.whole() {
		t.Errorf("it was said to have restored %v", restoring)
	}
	again, err := Open(restored)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/a", "/b"} {
		want, err1 := s.Head(t.Context(), name(path))
		got, err2 := again.Head(t.Context(), name(path))
		if err1 != nil || err2 != nil || got.Stream != want.Stream || got.Offset != want.Offset || got.Hash != want.Hash ||
			string(got.Snapshot.Data) != string(want.Snapshot.Data) {
			t.Errorf("%s: %+v %v, want %+v %v", path, got, err2, want, err1)
		}
	}
	if _, err := Restore(t.Context(), file, restored, CopyOptions{}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a restore under a server: %v", err)
	}
	again.Close()
	if _, err := Restore(t.Context(), file, restored, CopyOptions{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a restore over a database: %v", err)
	}
}

// growth is what was said of how much is done, of how much.
type growth [][2]uint64

func (g *growth) note(done, total uint64) { *g = append(*g, [2]uint64{done, total}) }

// whole reports whether it came to its end.
func (g growth) whole() bool {
	return len(g) > 0 && g[len(g)-1][0] == g[len(g)-1][1] && g[len(g)-1][0] > 0
}

// A long copy is told of while it grows.
func TestWatchGrowth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "copy")
		var told growth
		stop := watchGrowth(file, 100, told.note)
		for _, size := range []int{0, 40, 80, 120} { // it may get larger than was thought
			if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(growthInterval)
			synctest.Wait()
		}
		stop()
		want := growth{{0, 100}, {40, 100}, {80, 100}, {100, 100}, {100, 100}}
		if !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
	})
}

// What is cut off leaves no file that could be taken for a whole one.
func TestBackupCutOff(t *testing.T) {
	dir := plant(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	folder := t.TempDir()
	if _, err := Backup(ctx, dir, filepath.Join(folder, "backup.db"), CopyOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("backup: %v", err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("a backup has left %v, %v", entries, err)
	}
	if _, err := Restore(ctx, DatabasePath(dir), folder, CopyOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("restore: %v", err)
	}
	if _, err := os.Stat(DatabasePath(folder)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a restore has left a database: %v", err)
	}
	if _, err := Backup(t.Context(), t.TempDir(), filepath.Join(folder, "backup.db"), CopyOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a backup of nothing: %v", err)
	}
}
