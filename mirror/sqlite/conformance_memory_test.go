package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// The cycles of the test of leaks, and how much more memory than before they may take together. What leaks in each cycle,
// be it as small as the name of a parameter, is more.
const (
	cycles         = 10_000
	warmUpCycles   = 500
	maxGrowthBytes = 3 << 20
)

// Statements leave nothing behind, whether they end well or not: neither memory nor what keeps the connection open.
func testNoGrowth(t *testing.T, open func(testing.TB) sqlite.Conn) {
	conn := open(t)
	exec(t, conn, "CREATE TABLE t(u UNIQUE, x); INSERT INTO t VALUES (1, 'x')")
	conn.OnUpdate(func(string, int64) {})
	conn.OnProgress(func() bool { return false })
	if err := conn.OnAuthorize(func(sqlite.Access) sqlite.Verdict { return sqlite.Allow }); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("bound ", 200)
	for i := range warmUpCycles {
		cycle(t, conn, i, large)
	}
	before := sqlitetest.Memory()
	for i := range cycles {
		cycle(t, conn, i, large)
	}
	if growth := sqlitetest.Memory() - before; growth > maxGrowthBytes {
		t.Errorf("%d cycles: %d bytes more", cycles, growth)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// cycle is a statement's life, of one of several kinds.
func cycle(t *testing.T, conn sqlite.Conn, i int, large string) {
	switch i % 4 {
	case 0: // to the end
		if got := value(t, conn, fmt.Sprintf("SELECT %d", i)); got != int64(i) {
			t.Fatal(got)
		}
	case 1: // left in the middle, with what it has bound
		stmt := prepareOnly(t, conn, "SELECT ?1 || u, $name FROM t UNION ALL SELECT 1, 2")
		bind(t, stmt, 1, large)
		if name := stmt.BindName(2); !stmt.Step() || name != "$name" || len(stmt.ColumnText(0)) < len(large) {
			t.Fatal(name, stmt.Err())
		}
		stmt.Close()
	case 2: // a failure
		stmt := prepareOnly(t, conn, "INSERT INTO t VALUES (1, ?)")
		if err := stmt.BindBlob(1, []byte(large)); err != nil {
			t.Fatal(err)
		}
		if stmt.Exec() == nil {
			t.Fatal("inserted twice")
		}
		stmt.Close()
	case 3: // one that does not compile
		if _, _, err := conn.Prepare("SELECT missing FROM t"); err == nil {
			t.Fatal("it compiles")
		}
	}
}

// prepareOnly prepares a statement that the caller closes.
func prepareOnly(t testing.TB, conn sqlite.Conn, sql string) sqlite.Stmt {
	t.Helper()
	stmt, _, err := conn.Prepare(sql)
	if err != nil {
		t.Fatal(err)
	}
	return stmt
}
