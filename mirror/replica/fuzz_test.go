//go:build !js

package replica_test

import (
	"testing"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// FuzzApply gives a replica any bytes for records. It must refuse them, or hold exactly what its position says. Its
// corpus is in files, which a browser does not have.
func FuzzApply(f *testing.F) {
	l := newLog(1, 6)
	for _, b := range []*millpond.Batch{l.batch(3, 6), l.batch(1, 4), l.batch(3, 2), l.fork(2, 2).batch(2, 4)} {
		f.Add(b.Records, b.LastOffset, uint64(b.Hash))
	}
	f.Fuzz(func(t *testing.T, records []byte, last, hash uint64) {
		conn := sqlitetest.Open(t)
		r := open(t, conn, replica.Options{})
		mustApply(t, r, chat, l, 1, 2)
		before := dump(t, conn)
		batch := &millpond.Batch{Records: records, LastOffset: last, MaxOffset: last, Hash: millpond.Hash(hash)}
		position, err := r.Apply(chat, l.incarnation, batch)
		if err != nil {
			if after := dump(t, conn); after != before || conn.InTransaction() {
				t.Fatalf("%v: has changed\n%sto\n%s", err, before, after)
			}
			position = l.position(2)
		}
		wantPosition(t, r, chat, position)
		if err := r.CheckIntegrity(); err != nil {
			t.Fatal(err)
		}
	})
}
