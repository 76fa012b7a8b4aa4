package opfs

import (
	"flag"
	"fmt"
	"runtime"
	"syscall/js"
	"testing"
)

var (
	used      = flag.String("used", "", "a pool's name: use its database once, in a worker that ends then")
	usedAbort = flag.Bool("used.abort", false, "close nothing")
)

// What one use leaves behind is used by the next ones, in a database that stays as large as it is.
const usedRows = 100

// TestUsed is the half of e2e's TestWeekOfUse in the browser: a worker starts, opens, reads, writes, closes and ends. It
// says how much memory it has.
func TestUsed(t *testing.T) {
	if *used == "" {
		t.Skip("needs -used, and somebody to do it again and again")
	}
	pool, err := Open(t.Context(), *used)
	if err != nil {
		t.Fatal(err)
	}
	conn := openConn(t, pool)
	mustExec(t, conn, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY AUTOINCREMENT, x);
		WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < %d) INSERT INTO t(x) SELECT randomblob(1000) FROM r;
		DELETE FROM t WHERE id <= (SELECT max(id) FROM t) - %[1]d`, usedRows))
	uses, err := query(conn, fmt.Sprintf("SELECT max(id) / %d FROM t", usedRows))
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := query(conn, "SELECT count(*) FROM t"); err != nil || rows != fmt.Sprint(usedRows) {
		t.Errorf("%s rows, %v", rows, err)
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	sqlite := js.Global().Get("linkedSQLite").Get("memory").Get("buffer").Get("byteLength").Int()
	fmt.Printf("use %s: %d bytes\n", uses, int(stats.Sys)+sqlite)
	if *usedAbort {
		js.Global().Call("postMessage", map[string]any{"code": 0}) // upon which the worker is terminated
		select {}
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}
