//go:build js && !gosqlite

package sqlite_test

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"syscall/js"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
	"github.com/millpond-dev/millpond/mirror/sqlite/linked"
)

var copies = flag.String("sqlite.copies", "", "how bytes have to go to SQLite and back: wasm or script; empty: either will do")

// host is what linked.js has told the program's host.
func host(t *testing.T) js.Value {
	t.Helper()
	h := js.Global().Get("linkedSQLite")
	if !h.Truthy() {
		t.Skip("this host does not show what it has linked: node.mjs and e2e's worker.js do")
	}
	return h
}

// The tests run with the copies that they are meant to run with.
func TestCopies(t *testing.T) {
	if got := host(t).Get("copies").String(); *copies != "" && got != *copies {
		t.Errorf("copies by %s, want %s", got, *copies)
	}
}

func memoryBytes(memory js.Value) int { return memory.Get("buffer").Get("byteLength").Int() }

// grower makes Go's memory grow, by what nobody can have freed.
type grower struct{ kept [][]byte }

func (g *grower) grow() {
	const bytes = 4 << 20
	g.kept = append(g.kept, make([]byte, bytes))
}

// Go's memory grows in the middle of calls of SQLite, which has pointers in its hands: in hooks, and in the file layer.
func TestGoGrowsWithinCalls(t *testing.T) {
	disk, g := faultfiles.New(), new(grower)
	conn := openFiles(t, disk)
	exec(t, conn, "PRAGMA cache_size=1; CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
	disk.Fault = func(c faultfiles.Call) (int, error) {
		if c.Number%16 == 0 {
			g.grow()
		}
		return 0, nil
	}
	conn.OnUpdate(func(table string, rowid int64) {
		g.grow()
		if table != "t" {
			t.Errorf("an update of %q", table)
		}
	})
	insert := prepare(t, conn, "INSERT INTO t VALUES (?, ?)")
	text := func(i int) string { return strings.Repeat(fmt.Sprintf("%d grüße ", i), 700) }
	before := len(g.kept)
	for i := range 20 {
		bind(t, insert, 1, int64(i))
		bind(t, insert, 2, text(i))
		if err := insert.Exec(); err != nil {
			t.Fatal(err)
		}
	}
	rows := prepare(t, conn, "SELECT x FROM t ORDER BY id")
	for i := range 20 {
		if !rows.Step() || rows.ColumnText(0) != text(i) {
			t.Fatalf("row %d is another one, %v", i, rows.Err())
		}
	}
	rows.Reset()
	if len(g.kept) < before+20 {
		t.Errorf("grown %d times only", len(g.kept)-before)
	}
	check(t, "integrity", value(t, conn, "PRAGMA integrity_check"), "ok")
	if err := insert.Close(); err != nil {
		t.Error(err)
	}
}

// SQLite's memory grows while Go has statements, rows and buffers in it: also between the two halves of one call.
func TestSQLiteGrowsWithinCalls(t *testing.T) {
	memory := host(t).Get("memory")
	conn := openMemory(t)
	exec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES ('kept')")
	reading := prepare(t, conn, "SELECT x, ?1, zeroblob(?2) FROM t")
	bind(t, reading, 1, "bound before")
	before := memoryBytes(memory)
	for mb := 4; mb <= 16; mb += 4 {
		bind(t, reading, 2, int64(mb<<20))
		if !reading.Step() {
			t.Fatal(reading.Err())
		}
		large := strings.Repeat("y", mb<<20)
		length := prepareOnly(t, conn, "SELECT length(?1 || ?1), ?1")
		bind(t, length, 1, large)
		if !length.Step() || length.ColumnInt64(0) != int64(2*mb<<20) || length.ColumnText(1) != large {
			t.Errorf("a text of %d MiB is another one, %v", mb, length.Err())
		}
		length.Close()
		if reading.ColumnText(0) != "kept" || reading.ColumnText(1) != "bound before" || len(reading.ColumnBlob(2)) != mb<<20 {
			t.Errorf("a row that was being read: %.20q, %.20q", reading.ColumnText(0), reading.ColumnText(1))
		}
		reading.Reset()
	}
	if after := memoryBytes(memory); after <= before && before < linked.MaxMemoryBytes/2 { // else another test has grown it
		t.Errorf("SQLite's memory has not grown: %d bytes, then %d", before, after)
	}
}

// SQLite's memory ends where limits.go says. What needs more fails, and gives back what it had.
func TestMemoryEnds(t *testing.T) {
	memory := host(t).Get("memory")
	const rowBytes, slack = 4 << 20, 16 << 20 // for the last row, and what lies in pieces
	for range 2 {
		conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		exec(t, conn, "CREATE TABLE t(x)")
		held := 0
		for err == nil {
			if err = conn.Exec(fmt.Sprintf("INSERT INTO t VALUES (zeroblob(%d))", rowBytes)); err == nil {
				held += rowBytes
			}
		}
		if bytes := memoryBytes(memory); !errors.Is(err, sqlite.NoMem) || bytes > linked.MaxMemoryBytes || held < linked.MaxMemoryBytes-slack {
			t.Errorf("with rows of %d bytes in a memory of %d: %v", held, bytes, err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
