package sqlite_test

import (
	"errors"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// An error of a file layer fails the statement with the code of the call, or with the code that it wraps, and is the cause.
// After a failed truncation SQLite goes on to roll back, which may be what is remembered.
func TestFileErrors(t *testing.T) {
	const extended = 8 // bits from where SQLite's extended codes tell more
	for op, c := range map[faultfiles.Op]struct {
		sql  string
		code int
	}{
		faultfiles.Read:     {"PRAGMA cache_size=1; SELECT sum(length(x)) FROM t", int(sqlite.IOErr) | 1<<extended},
		faultfiles.Write:    {"INSERT INTO t VALUES (1)", int(sqlite.IOErr) | 3<<extended},
		faultfiles.Sync:     {"PRAGMA wal_checkpoint", int(sqlite.IOErr) | 4<<extended},
		faultfiles.Truncate: {"PRAGMA journal_mode=TRUNCATE; INSERT INTO t VALUES (1)", int(sqlite.IOErr) | 6<<extended},
		faultfiles.Open:     {"PRAGMA journal_mode=DELETE; INSERT INTO t VALUES (1)", int(sqlite.CantOpen)},
	} {
		for _, planted := range []error{faultfiles.ErrFault, sqlite.Full} {
			disk := faultfiles.New()
			conn := openFiles(t, disk)
			exec(t, conn, "CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(100000)), (zeroblob(100000))")
			disk.Fault = faultfiles.Of(op, faultfiles.Always(planted))
			err := conn.Exec(c.sql)
			var e *sqlite.Error
			if !errors.As(err, &e) || op != faultfiles.Truncate && !errors.Is(err, planted) {
				t.Errorf("%s: %v", op, err)
				continue
			}
			if code := c.code; planted == faultfiles.ErrFault && e.Extended != code || planted == sqlite.Full && e.Code != sqlite.Full {
				t.Errorf("%s, planted %v: code %d, want %d", op, planted, e.Extended, code)
			}
			disk.Fault = nil
		}
	}
}

// What is not told to go into memory goes to temporary files of the layer, which end with their use.
func TestTemporaryFiles(t *testing.T) {
	disk := faultfiles.New()
	conn := openFiles(t, disk)
	opened := map[string]int{}
	disk.Fault = func(c faultfiles.Call) (int, error) {
		if c.Name == "" {
			opened[string(c.Op)]++
		}
		return 0, nil
	}
	exec(t, conn, `PRAGMA temp_store=FILE; PRAGMA cache_size=1; CREATE TABLE t(x);
		WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 2000) INSERT INTO t SELECT randomblob(1000) FROM r;
		SELECT x FROM t ORDER BY x; VACUUM`)
	if opened["open"] == 0 || opened["write"] == 0 || opened["close"] != opened["open"] {
		t.Errorf("calls on temporary files: %v", opened)
	}
}

func openFiles(t testing.TB, files sqlite.Files) sqlite.Conn {
	t.Helper()
	conn, err := sqlite.Open("db", sqlite.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}
