package sqlite_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// A backup is a plain database file of what is committed, also when a query is in the middle of its rows.
func testBackup(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(1000000)); DELETE FROM t; INSERT INTO t VALUES ('a'), ('b')")
	reading := prepare(t, conn, "SELECT x FROM t")
	if !reading.Step() {
		t.Fatal(reading.Err())
	}
	file := backup(t, conn)
	if !reading.Step() || reading.ColumnText(0) != "b" {
		t.Error("a query that was running:", reading.Err())
	}
	reading.Reset()
	if !bytes.HasPrefix(file, []byte("SQLite format 3\x00")) || len(file)%4096 != 0 {
		t.Fatalf("%d bytes that begin with %.20q", len(file), file)
	}
	check(t, "versions", file[18:20], []byte{1, 1})
	check(t, "rows", value(t, restore(t, file), "SELECT group_concat(x) FROM t"), "a,b")

	exec(t, conn, "BEGIN; INSERT INTO t VALUES ('c')")
	if err := conn.Backup(io.Discard); !errors.Is(err, sqlite.Busy) {
		t.Errorf("in a transaction: %v", err)
	}
	exec(t, conn, "COMMIT")
	check(t, "more rows", value(t, restore(t, backup(t, conn)), "SELECT group_concat(x) FROM t"), "a,b,c")
}

func backup(t testing.TB, conn sqlite.Conn) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := conn.Backup(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// What the writer says is what Backup says, and nothing is left of it.
func testBackupFails(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(100000))")
	for _, room := range []int{0, 10, 4096, 50_000} {
		if err := conn.Backup(&fullWriter{room}); !errors.Is(err, errNoRoom) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
		exec(t, conn, "INSERT INTO t VALUES (1)")
	}
	if conn.InTransaction() {
		t.Error("a transaction is open")
	}
}

var errNoRoom = errors.New("no room")

type fullWriter struct{ room int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if len(p) > w.room {
		return w.room, errNoRoom
	}
	w.room -= len(p)
	return len(p), nil
}

// restore opens a backup.
func restore(t testing.TB, file []byte) sqlite.Conn {
	t.Helper()
	disk := faultfiles.New()
	disk.Put("db", file)
	return openFiles(t, disk)
}
