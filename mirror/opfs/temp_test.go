//go:build !js

package opfs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// A temporary file behaves as a plain array of bytes does, in memory, in a spare file, and on its way there.
func TestTempFileRandom(t *testing.T) {
	for range 3 {
		seed := rand.Uint64()
		if err := compareTemp(t, rand.New(rand.NewPCG(seed, 0))); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func compareTemp(t *testing.T, r *rand.Rand) error {
	pool := openPool(t, faultfiles.New())
	f := openTemp(t, pool)
	var plain []byte
	spilled := 0
	for step := range 250 {
		at, size := r.IntN(maxTempBytes*3/2), 1+r.IntN(6*tempChunkBytes)
		switch op := r.IntN(20); {
		case op < 10:
			p := randomBytes(r, size)
			mustWrite(t, f, p, int64(at))
			plain = resized(plain, max(len(plain), at+size))
			copy(plain[at:], p)
		case op < 19 || step < 200:
			if err := compareRead(f, plain, int64(at), size); err != nil {
				return fmt.Errorf("step %d: %w", step, err)
			}
		default:
			if err := f.Truncate(int64(at)); err != nil {
				return err
			}
			plain = append([]byte(nil), resized(plain, at)...) // what is cut off must not come back
		}
		if got, err := f.Size(); got != int64(len(plain)) || err != nil {
			return fmt.Errorf("step %d: size %d, not %d, %v", step, got, len(plain), err)
		}
		if pool.temps.bytes > maxTempBytes {
			return fmt.Errorf("step %d: %d bytes of memory", step, pool.temps.bytes)
		}
		if len(pool.temps.spares) < spareFiles {
			spilled++
		}
	}
	if spilled == 0 {
		return errors.New("the file has never grown out of memory")
	}
	return errors.Join(compareRead(f, plain, 0, len(plain)+1), f.Close(), checkTempsFree(pool))
}

func openTemp(t *testing.T, pool *Pool) sqlite.File {
	t.Helper()
	f, err := pool.Open("", sqlite.TempFile)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// checkTempsFree checks that temporary files have given back what they used.
func checkTempsFree(pool *Pool) error {
	if pool.temps.bytes != 0 || len(pool.temps.spares) != spareFiles {
		return fmt.Errorf("%d bytes of memory and %d of %d spare files are left", pool.temps.bytes, len(pool.temps.spares), spareFiles)
	}
	for _, f := range pool.temps.spares {
		if f.size() != 0 || f.stored != 0 {
			return fmt.Errorf("a spare file keeps %d bytes", f.size())
		}
	}
	return nil
}

// What was cut off does not come back when the file grows again.
func TestTempFileTruncated(t *testing.T) {
	f := openTemp(t, openPool(t, faultfiles.New()))
	mustWrite(t, f, []byte("0123456789"), 0)
	if err := errors.Join(f.Truncate(4), f.Truncate(6)); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, []byte("x"), 8)
	if err := compareRead(f, []byte("0123\x00\x00\x00\x00x"), 0, 20); err != nil {
		t.Error(err)
	}
}

// In a spare file it is as long as it was in memory, whatever the one before has left there.
func TestTempFileSpills(t *testing.T) {
	d := faultfiles.New()
	pool := openPool(t, d)
	large := openTemp(t, pool)
	mustWrite(t, large, make([]byte, maxTempBytes+1), 0)
	d.Fault = faultfiles.Of(faultfiles.Truncate, faultfiles.Always(faultfiles.ErrFault))
	if err := large.Close(); !errors.Is(err, faultfiles.ErrFault) {
		t.Errorf("close: %v", err)
	}
	d.Fault = nil
	mustWrite(t, openTemp(t, pool), make([]byte, maxTempBytes), 0) // there is no memory left
	f := openTemp(t, pool)
	if err := f.Truncate(1000); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, f, []byte("x"), 0)
	if err := compareRead(f, append([]byte("x"), make([]byte, 999)...), 0, 2000); err != nil {
		t.Error(err)
	}
	if len(pool.temps.spares) != spareFiles-1 {
		t.Errorf("%d spare files are free", len(pool.temps.spares))
	}
}

// What SQLite does with temporary files works when it is larger than the memory for them, and leaves nothing.
func TestTempLarge(t *testing.T) {
	for name, sql := range map[string]string{
		"sort":            "SELECT x FROM t ORDER BY x DESC",
		"VACUUM":          "DELETE FROM t WHERE rowid % 3 = 0; VACUUM",
		"index":           "CREATE INDEX i ON t(x)",
		"temporary table": "CREATE TEMP TABLE s AS SELECT * FROM t; UPDATE s SET x = x || 'y'; DROP TABLE s",
		"statement":       "BEGIN; UPDATE t SET x = x || 'y'; DELETE FROM t WHERE rowid % 2; COMMIT",
	} {
		t.Run(name, func(t *testing.T) {
			d := faultfiles.New()
			pool := openPool(t, d)
			conn := openConn(t, pool)
			mustExec(t, conn, `PRAGMA temp_store=FILE; PRAGMA cache_size=-500; PRAGMA temp.cache_size=-500; CREATE TABLE t(x CHECK (x <> ''));
				WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 16000) INSERT INTO t SELECT hex(randomblob(500)) FROM r`)
			spareWrites := 0
			d.Fault = func(c faultfiles.Call) (int, error) {
				if strings.HasPrefix(c.Name, "temp-") && c.Op == faultfiles.Write {
					spareWrites++
				}
				if pool.temps.bytes > maxTempBytes {
					t.Errorf("%d bytes in memory", pool.temps.bytes)
				}
				return 0, nil
			}
			mustExec(t, conn, sql)
			if ok, err := query(conn, "PRAGMA quick_check"); ok != "ok" || err != nil {
				t.Errorf("quick_check: %s, %v", ok, err)
			}
			if spareWrites == 0 {
				t.Error("nothing has grown out of memory")
			}
			if err := errors.Join(conn.Close(), checkTempsFree(pool)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A sort over the bound gives the rows in order.
func TestTempSorted(t *testing.T) {
	conn := openConn(t, openPool(t, faultfiles.New()))
	mustExec(t, conn, `PRAGMA temp_store=FILE; PRAGMA cache_size=-500; CREATE TABLE t(x);
		WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 16000) INSERT INTO t SELECT hex(randomblob(500)) FROM r`)
	stmt, _, err := conn.Prepare("SELECT x FROM t ORDER BY x")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	var rows []string
	for stmt.Step() {
		rows = append(rows, stmt.ColumnText(0))
	}
	if stmt.Err() != nil || len(rows) != 16000 || !slices.IsSorted(rows) {
		t.Errorf("%d rows, sorted: %t, %v", len(rows), slices.IsSorted(rows), stmt.Err())
	}
}

// With the memory and the spare files in use there is no room; with no quota there is none either. B16
func TestTempFull(t *testing.T) {
	d := faultfiles.New()
	pool := openPool(t, d)
	conn := openConn(t, pool)
	mustExec(t, conn, `PRAGMA temp_store=FILE; PRAGMA cache_size=-500; CREATE TABLE t(x);
		WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 16000) INSERT INTO t SELECT hex(randomblob(500)) FROM r`)
	const sort = "SELECT x FROM t ORDER BY x DESC"
	d.Fault = func(c faultfiles.Call) (int, error) {
		if strings.HasPrefix(c.Name, "temp-") && c.Op == faultfiles.Write {
			return 0, errQuota
		}
		return 0, nil
	}
	if err := conn.Exec(sort); !errors.Is(err, sqlite.Full) {
		t.Errorf("no quota: %v", err)
	}
	d.Fault = nil
	mustExec(t, conn, sort)

	var users []sqlite.File
	for range spareFiles + 1 { // the last stays in memory, and fills it
		f := openTemp(t, pool)
		mustWrite(t, f, make([]byte, maxTempBytes), 0)
		users = append(users, f)
	}
	if _, err := openTemp(t, pool).WriteAt([]byte("x"), 0); !errors.Is(err, errTempFull) {
		t.Errorf("no room: %v", err)
	}
	if err := conn.Exec(sort); !errors.Is(err, sqlite.Full) {
		t.Errorf("no room: %v", err)
	}
	if n, err := query(conn, "SELECT count(*) FROM t"); n != "16000" || err != nil {
		t.Errorf("after it: %s rows, %v", n, err)
	}
	for _, f := range users {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	mustExec(t, conn, sort)
}

// What a killed worker has left in its spare files is given back by the next.
func TestTempLeftBehind(t *testing.T) {
	d := faultfiles.New()
	pool := openPool(t, d)
	mustWrite(t, openTemp(t, pool), make([]byte, maxTempBytes+1_000_000), 0)
	if err := pool.Abandon(); err != nil {
		t.Fatal(err)
	}
	d.Kill()
	spare := fileNames[len(fileNames)-1]
	if len(d.Bytes(spare)) == 0 {
		t.Fatal("there is nothing in the spare file")
	}
	if err := checkTempsFree(openPool(t, d)); err != nil {
		t.Error(err)
	}
	if left := len(d.Bytes(spare)); left != 0 {
		t.Errorf("%d bytes are left", left)
	}
}
