//go:build !js

package replica_test

import (
	"path/filepath"
	"testing"

	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// B4: another reader of the database sees the old copy or the new one, never parts of both. It looks before every call of
// a rebuild.
func TestRebuildIsAtomic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	openConn := func() sqlite.Conn {
		conn, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	conn := faultyConn{openConn(), &faults{}}
	reader := openConn()
	r := open(t, conn, replica.Options{})
	before, after := newLog(1, 8), newLog(2, 5)
	mustApply(t, r, chat, before, 1, 8)

	seen := map[string]int{}
	conn.reset(func(int, string) bool {
		seen[dump(t, reader)]++
		return false
	})
	old := dump(t, reader)
	if _, err := r.Rebuild(chat, after.incarnation, after.batch(1, 5)); err != nil {
		t.Fatal(err)
	}
	conn.reset(nil)
	if seen[old] < 20 || len(seen) != 1 {
		t.Errorf("the old copy was seen %d times, beside %d other states", seen[old], len(seen)-1)
	}
	if now := dump(t, reader); now != dump(t, conn.Conn) || now == old {
		t.Errorf("after the rebuild a reader sees\n%s", now)
	}
}
