package replica_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// A replica opens again with its id, its streams and their positions.
func TestOpenAgain(t *testing.T) {
	conn := sqlitetest.Open(t)
	l, m := newLog(1, 6), newLog(2, 9)
	first := open(t, conn, replica.Options{})
	mustApply(t, first, other, m, 1, 9)
	mustApply(t, first, chat, l, 1, 4)
	id := first.ID()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	r := open(t, conn, replica.Options{})
	if len(id) < 20 || r.ID() != id {
		t.Errorf("the id was %q and is %q", id, r.ID())
	}
	streams, err := r.Streams()
	want := []replica.Stream{{chat, l.position(4), 6}, {other, m.position(9), 9}}
	if err != nil || fmt.Sprint(streams) != fmt.Sprint(want) {
		t.Errorf("streams are %v, %v; want %v", streams, err, want)
	}
	mustApply(t, r, chat, l, 5, 6)
	if err := r.CheckIntegrity(); err != nil {
		t.Error(err)
	}
	if fresh := open(t, sqlitetest.Open(t), replica.Options{}); fresh.ID() == id {
		t.Error("two replicas have the same id")
	}
}

// A database of another program or version is refused, and left as it is.
func TestOpenRefusesAnotherSchema(t *testing.T) {
	for _, c := range []struct{ name, sql, want string }{
		{"another program", "CREATE TABLE users (name)", "another file name"},
		{"another program without tables", "PRAGMA application_id = 7", "another file name"},
		{"a newer version", fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 99", replica.ApplicationID), "version 99"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := sqlitetest.Open(t)
			exec(t, conn, c.sql)
			before := rows(t, conn, "SELECT sql FROM sqlite_schema")
			_, err := replica.Open(conn, replica.Options{})
			var schema *replica.SchemaError
			if !errors.As(err, &schema) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a SchemaError that says %q", err, c.want)
			}
			if after := rows(t, conn, "SELECT sql FROM sqlite_schema"); after != before {
				t.Errorf("the schema was %q and is %q", before, after)
			}
		})
	}
}

// A database that contradicts itself is never continued: Open sees it at the ends of a stream, CheckIntegrity anywhere.
func TestCorrupt(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		open      bool // Open finds it
	}{
		{"position ahead of the rows", "UPDATE streams SET offset = 7", true},
		{"position behind the rows", "UPDATE streams SET offset = 5", true},
		{"position with another hash", "UPDATE streams SET hash = hash + 1", true},
		{"last event missing", "DELETE FROM event_rows WHERE offset = 6", true},
		{"first event missing", "DELETE FROM event_rows WHERE offset = 1", true},
		{"all events missing", "DELETE FROM event_rows", true},
		{"no incarnation", "UPDATE streams SET incarnation = ''", true}, // B4: rows with none
		{"no replica id", "DELETE FROM meta", true},
		{"an event in the middle missing", "DELETE FROM event_rows WHERE offset = 3", false},
		{"events of no stream", "UPDATE event_rows SET copy_id = 9 WHERE offset = 3", false},
		{"a stream missing", "DELETE FROM streams", false},
		{"an index that does not fit its table", `PRAGMA writable_schema = ON;
			UPDATE sqlite_schema SET sql = replace(sql, 'local_index', 'offset') WHERE name = 'events_by_type';
			PRAGMA writable_schema = RESET`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := sqlitetest.Open(t)
			r := open(t, conn, replica.Options{})
			mustApply(t, r, chat, newLog(1, 6), 1, 6)
			if err := r.CheckIntegrity(); err != nil {
				t.Fatalf("before: %v", err)
			}
			exec(t, conn, c.sql)
			if err := r.CheckIntegrity(); !errors.Is(err, replica.ErrCorrupt) {
				t.Errorf("a check finds %v, want ErrCorrupt", err)
			}
			r.Close()
			r, err := replica.Open(conn, replica.Options{})
			if c.open && !errors.Is(err, replica.ErrCorrupt) || !c.open && err != nil {
				t.Errorf("open finds %v", err)
			}
			if err == nil {
				r.Close()
			}
		})
	}
}

// A row beyond the position is not overwritten and not taken for the event that comes.
func TestStrayRow(t *testing.T) {
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	l := newLog(1, 6)
	mustApply(t, r, chat, l, 1, 3)
	exec(t, conn, "INSERT INTO event_rows (copy_id, offset, type, created_at, inserted_at, hash) VALUES (1, 5, 'stray', 0, 0, 0)")
	before := dump(t, conn)
	if _, err := r.Apply(chat, l.incarnation, l.batch(4, 6)); !errors.Is(err, replica.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
	if after := dump(t, conn); after != before {
		t.Errorf("was\n%sis\n%s", before, after)
	}
}
