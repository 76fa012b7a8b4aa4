package sqlite_test

import (
	"flag"
	"fmt"
	"runtime"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

var openings = flag.Int("sqlite.openings", 200, "how often TestOpenings opens a database")

// maxOpeningsGrowth is how much more memory may be in use after any number of openings than after the first ones: in the
// browser less than a page of SQLite's memory, 64 KiB, which 300 bytes an opening are; natively all of the process is
// measured, which is not as exact.
func maxOpeningsGrowth() int64 {
	if runtime.GOOS == "js" {
		return 48 << 10
	}
	return 3 << 20
}

// A database that is opened, used and closed again and again leaves nothing behind: no memory, and no open file.
func TestOpenings(t *testing.T) {
	disk := faultfiles.New()
	const warmUp = 20
	for number := range warmUp {
		useOnce(t, disk, number)
	}
	before := sqlitetest.Memory()
	for number := range *openings {
		useOnce(t, disk, warmUp+number)
	}
	growth := sqlitetest.Memory() - before
	t.Logf("%d openings: %d bytes more", *openings, growth)
	if growth > maxOpeningsGrowth() {
		t.Error("that is too much")
	}
	if opened, closed := disk.CallsOf(faultfiles.Open), disk.CallsOf(faultfiles.Close); opened != closed || opened < *openings {
		t.Errorf("%d files were opened, %d closed", opened, closed)
	}
}

// useOnce does some of everything that keeps something in the engine, and leaves the database as large as it was.
func useOnce(t *testing.T, disk *faultfiles.Disk, number int) {
	t.Helper()
	conn, err := sqlite.Open("db", sqlite.Options{Files: disk})
	if err != nil {
		t.Fatal(err)
	}
	conn.OnUpdate(func(string, int64) {})
	conn.OnProgress(func() bool { return false })
	if err := conn.OnAuthorize(func(sqlite.Access) sqlite.Verdict { return sqlite.Allow }); err != nil {
		t.Fatal(err)
	}
	exec(t, conn, "CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, number, x); DELETE FROM t; PRAGMA temp_store=FILE; CREATE TEMP TABLE temporary(x)")
	insert := prepareOnly(t, conn, "INSERT INTO t(number, x) VALUES (?, ?)")
	for range 10 {
		bind(t, insert, 1, int64(number))
		bind(t, insert, 2, payload)
		if err := insert.Exec(); err != nil {
			t.Fatal(err)
		}
	}
	if err := insert.Close(); err != nil {
		t.Fatal(err)
	}
	check(t, "rows", value(t, conn, "SELECT count(*) || ' of ' || max(number) FROM t"), fmt.Sprintf("10 of %d", number))
	backup(t, conn)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}
