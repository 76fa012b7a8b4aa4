package outbox_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// Damage in the middle of the outbox costs what is on its page, and neither what is before it nor what is behind it. B15 B16
func TestSalvageAroundDamage(t *testing.T) {
	disk := faultfiles.New()
	conn, err := sqlite.Open("db", sqlite.Options{Files: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Exec(outbox.Schema); err != nil {
		t.Fatal(err)
	}
	o, err := outbox.Open(conn, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	keys := make([]string, 2000)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%04d", i)
	}
	if _, err := o.Add(chat, first, inputs(keys...)); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA shrink_memory"); err != nil {
		t.Fatal(err)
	}
	file := disk.Bytes("db")
	for at := 0; ; at += 4096 {
		if at >= len(file) {
			t.Fatal("no page has the row")
		}
		if page := file[at : at+4096]; page[0] == 13 && bytes.Contains(page, []byte(`"idempotencyKey":"key-1000"`)) { // a leaf of a table
			disk.Spoil("db", int64(at), make([]byte, 4096))
			break
		}
	}
	rows, err := outbox.Salvage(conn)
	if err == nil || len(rows) < 1900 || len(rows) == 2000 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}

	r := newRig(t)
	if err := r.Restore(rows); err != nil {
		t.Fatal(err)
	}
	stmt, _, err := r.conn.Prepare("SELECT min(idempotency_key), max(idempotency_key), count(*) FROM outbox WHERE append_id = 1")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	if stmt.Step(); stmt.ColumnText(0) != "key-0000" || stmt.ColumnText(1) != "key-1999" || stmt.ColumnInt64(2) != int64(len(rows)) {
		t.Errorf("restored %s to %s, %d rows", stmt.ColumnText(0), stmt.ColumnText(1), stmt.ColumnInt64(2))
	}
}

// The rows of an append that is in memory only are those that it had. B16
func TestRowsOfAnAppend(t *testing.T) {
	r := newRig(t)
	id := r.add(chat, first, "a", "b")
	kept, err := r.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	var rows outbox.Rows
	again := newRig(t)
	if err := again.Restore(rows.WithAppend(id, chat, kept.Events)); err != nil {
		t.Fatal(err)
	}
	same, err := again.Get(id)
	if err != nil || string(same.Events) != string(kept.Events) || same.Incarnation != first || same.State != outbox.Pending {
		t.Errorf("got %+v, %v; want %+v", same, err, kept)
	}
}
