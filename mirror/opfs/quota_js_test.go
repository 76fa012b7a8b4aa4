package opfs

import (
	"errors"
	"flag"
	"fmt"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

var quota = flag.Bool("quota", false, "the browser gives this origin a few megabytes only: test that")

// A real browser's quota is Full; what was committed before is there, in this connection and in the next. B16
func TestRealQuota(t *testing.T) {
	if !*quota {
		t.Skip("needs -quota, and a browser that has been told")
	}
	pool, name := openReal(t)
	conn := openConn(t, pool)
	mustExec(t, conn, "CREATE TABLE t(x)")
	committed := 0
	var err error
	for err == nil {
		if committed > 1000 {
			t.Fatal("100 MB fit into a few")
		}
		if err = conn.Exec("INSERT INTO t VALUES (randomblob(100000))"); err == nil {
			committed++
		}
	}
	if !errors.Is(err, sqlite.Full) || committed == 0 {
		t.Errorf("after %d rows: %v", committed, err)
	}
	rows := func(conn sqlite.Conn) {
		t.Helper()
		if n, err := query(conn, "SELECT count(*) FROM t"); err != nil || n != fmt.Sprint(committed) {
			t.Errorf("%s rows, want %d, %v", n, committed, err)
		}
	}
	rows(conn)
	_ = conn.Close() // there may be no room to tidy up
	if err := pool.Abandon(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	next := openConn(t, again)
	defer next.Close()
	rows(next)
}
