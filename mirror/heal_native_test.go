//go:build !js

package mirror

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/millpond-dev/millpond/mirror/query"
)

type queryResult = query.Result

// lost is what a file says that is not what it was.
func lost() error { return errLost }

// B16: damage that an apply runs into: the database is made anew, and filled again from the server, while the mirror runs.
func TestDamageUnderAnApply(t *testing.T) {
	f := newFakeServer(t)
	d := newDisk()
	m := open(t, f, Options{place: d})
	stream(t, m, pond)
	f.add(pond, 3000, "frog")
	until(t, m, caughtUp(pond, 3002))
	d.spoilTable(t, m, "event_rows")
	f.add(pond, 1000, "frog")
	s := until(t, m, caughtUp(pond, 4002))
	if s.StorageError == nil || s.StorageError.Code != CodeStorageCorrupt {
		t.Errorf("status %+v", s.StorageError)
	}
	if n := number(t, m, "SELECT count(*) FROM events"); n != 4002 {
		t.Errorf("%d events", n)
	}
	on(t, m, func(l *loop) error { return l.db.replica.CheckIntegrity() })
}

// B16: a database file that is deleted, or exchanged, under an open mirror.
func TestFileDeletedUnderneath(t *testing.T) {
	f := newFakeServer(t)
	f.add(pond, 100, "frog")
	file := filepath.Join(t.TempDir(), "mirror.db")
	m := open(t, f, Options{Path: file})
	stream(t, m, pond)
	before := until(t, m, caughtUp(pond, 102))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(file + suffix)
	}
	check(t, m)
	healed(t, m, CodeStorageLost, StorageFile)
	if s := until(t, m, caughtUp(pond, 102)); s.ReplicaID == before.ReplicaID {
		t.Errorf("status %+v", s)
	}
	if n := number(t, m, "SELECT count(*) FROM events"); n != 102 {
		t.Errorf("%d events", n)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	f.add(pond, 1, "frog")
	until(t, m, caughtUp(pond, 103))
}

// Somebody else's file in the place of the mirror's is left alone: the mirror goes on in memory. B16
func TestForeignFileUnderneath(t *testing.T) {
	f := newFakeServer(t)
	file := filepath.Join(t.TempDir(), "mirror.db")
	m := open(t, f, Options{Path: file})
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 2))
	os.Rename(file, file+".old")
	os.Remove(file + "-wal")
	if err := os.WriteFile(file, []byte("dear diary, today I have learned something about databases"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, m)
	healed(t, m, CodeStorageUnavailable, StorageMemory)
	until(t, m, caughtUp(pond, 2))
	if b, err := os.ReadFile(file); err != nil || string(b[:4]) != "dear" {
		t.Errorf("the file is %q, %v", b, err)
	}
}
