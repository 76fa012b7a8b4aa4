package sqlite_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// lifeSteps are the life of a database in small. Each is a call; the writes leave a number in t.
var lifeSteps = []func(sqlite.Conn) error{
	write(1),
	write(2),
	func(c sqlite.Conn) error { return c.Exec("PRAGMA wal_checkpoint(TRUNCATE)") },
	write(3),
	func(c sqlite.Conn) error { return readAll(c) },
	func(c sqlite.Conn) error { return c.Exec("CREATE INDEX IF NOT EXISTS i ON t(n)") },
	write(4),
	func(c sqlite.Conn) error { return c.Backup(io.Discard) },
	func(c sqlite.Conn) error { return c.Exec("DELETE FROM t WHERE n IS NULL; VACUUM") },
	write(5),
}

// write is a transaction of two statements that is larger than the cache.
func write(n int) func(sqlite.Conn) error {
	return func(c sqlite.Conn) error {
		err := c.Exec(fmt.Sprintf(`BEGIN; INSERT INTO t VALUES (%d, NULL);
			WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 6) INSERT INTO t SELECT NULL, zeroblob(3000) FROM r; COMMIT`, n))
		if err != nil && c.InTransaction() {
			err = errors.Join(err, c.Exec("ROLLBACK"))
		}
		return err
	}
}

func readAll(c sqlite.Conn) error {
	stmt, _, err := c.Prepare("SELECT n, pad FROM t")
	if err != nil {
		return err
	}
	for stmt.Step() {
	}
	return errors.Join(stmt.Err(), stmt.Close())
}

// life lives on a disk, and returns the numbers whose writes were acknowledged, and what has failed.
func life(disk *faultfiles.Disk) (acknowledged []int64, failed []error) {
	conn, err := openLife(disk)
	if err != nil {
		disk.Fault = nil
		return nil, []error{err}
	}
	writes := int64(0)
	for i, step := range lifeSteps {
		isWrite := slices.Contains([]int{0, 1, 3, 6, 9}, i)
		if isWrite {
			writes++
		}
		if err := step(conn); err != nil {
			failed = append(failed, fmt.Errorf("step %d: %w", i, err))
		} else if isWrite {
			acknowledged = append(acknowledged, writes)
		}
	}
	// Whatever has failed, the connection is of use when the disk is well again; or it says that it is not.
	disk.Fault = nil
	if err := write(6)(conn); err == nil {
		acknowledged = append(acknowledged, 6)
	} else if errors.Is(err, sqlite.Misuse) {
		failed = append(failed, fmt.Errorf("afterwards: %w", err))
	}
	if err := conn.Close(); err != nil {
		failed = append(failed, fmt.Errorf("close: %w", err))
	}
	return acknowledged, failed
}

func openLife(disk *faultfiles.Disk) (sqlite.Conn, error) {
	conn, err := sqlite.Open("db", sqlite.Options{Files: disk})
	if err != nil {
		return nil, err
	}
	if err := conn.Exec("PRAGMA synchronous=FULL; PRAGMA cache_size=6; CREATE TABLE IF NOT EXISTS t(n, pad)"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// Every call on the files fails once, in each way: that is told, or has not mattered; the connection goes on or says that it
// cannot; and the next one finds a sound database with all that was acknowledged. B16
func TestFaultAtEveryCall(t *testing.T) {
	healthy := faultfiles.New()
	var calls []faultfiles.Op
	healthy.Fault = func(c faultfiles.Call) (int, error) {
		calls = append(calls, c.Op)
		return 0, nil
	}
	if acknowledged, failed := life(healthy); len(failed) > 0 || len(acknowledged) != 6 {
		t.Fatalf("without a fault: %v, %v", acknowledged, failed)
	}
	for name, c := range map[string]struct {
		fault func(at int) faultfiles.Fault
		can   []faultfiles.Op // nil: all
	}{
		"an error": {fault: func(at int) faultfiles.Fault { return faultfiles.At(at, faultfiles.ErrFault) }},
		"a torn write": {
			fault: func(at int) faultfiles.Fault { return faultfiles.Torn(1000, faultfiles.At(at, faultfiles.ErrFault)) },
			can:   []faultfiles.Op{faultfiles.Write},
		},
		"a full disk": {
			fault: func(at int) faultfiles.Fault { return faultfiles.Torn(700, faultfiles.Between(at, at+20, sqlite.Full)) },
			can:   []faultfiles.Op{faultfiles.Write, faultfiles.Truncate, faultfiles.Sync},
		},
	} {
		t.Run(name, func(t *testing.T) {
			told, faults := 0, 0
			for i := range calls {
				if c.can != nil && !slices.Contains(c.can, calls[i]) {
					continue
				}
				disk := faultfiles.New()
				disk.Fault = c.fault(i + 1)
				acknowledged, failed := life(disk)
				faults, told = faults+1, told+min(1, len(failed))
				if err := verifyLife(disk, acknowledged, failed); err != nil {
					t.Errorf("call %d of %d, a %s: %v", i+1, len(calls), calls[i], err)
				}
			}
			t.Logf("%d faults, %d told", faults, told)
			if told < faults/2 {
				t.Errorf("%d faults, %d told", faults, told)
			}
		})
	}
}

// verifyLife compares what a new connection finds with what was told.
func verifyLife(disk *faultfiles.Disk, acknowledged []int64, failed []error) error {
	var e *sqlite.Error
	for _, err := range failed {
		if !errors.As(err, &e) || errors.Is(err, sqlite.Misuse) || errors.Is(err, sqlite.Corrupt) || errors.Is(err, sqlite.NotADB) {
			return fmt.Errorf("told as %w", err)
		}
	}
	conn, err := openLife(disk)
	if err != nil {
		return err
	}
	defer conn.Close()
	found, err := numbers(conn)
	if err != nil {
		return err
	}
	for _, n := range acknowledged {
		if !slices.Contains(found, n) {
			err = errors.Join(err, fmt.Errorf("write %d was acknowledged and is lost", n))
		}
	}
	if len(failed) == 0 && len(found) != 6 {
		err = errors.Join(err, fmt.Errorf("nothing was told"))
	}
	if err != nil {
		return fmt.Errorf("%w; found %v after %v, %v", err, found, acknowledged, failed)
	}
	return nil
}

// numbers checks the database, and returns the numbers in it.
func numbers(conn sqlite.Conn) (list []int64, err error) {
	stmt, _, err := conn.Prepare(`SELECT n FROM t WHERE n IS NOT NULL UNION ALL SELECT integrity_check FROM pragma_integrity_check`)
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	sound := false
	for stmt.Step() {
		if stmt.ColumnType(0) == sqlite.Integer {
			list = append(list, stmt.ColumnInt64(0))
		} else {
			sound = stmt.ColumnText(0) == "ok"
		}
	}
	if !sound {
		return nil, fmt.Errorf("integrity_check fails: %v", stmt.Err())
	}
	return list, stmt.Err()
}
