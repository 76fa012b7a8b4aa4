//go:build !js

package opfs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// The workload: transactions of rowsPerTransaction rows each, some of which write over what they have already spilled
// into the log, with checkpoints between them.
const (
	transactions       = 12
	rowsPerTransaction = 20
)

const (
	workloadSettings = "PRAGMA cache_size=4; PRAGMA wal_autocheckpoint=60;"
	createTable      = "CREATE TABLE IF NOT EXISTS t(tx, i, data);"
)

// told is what a workload was told.
type told struct {
	acknowledged []int // transactions
	failures     []error
}

// work runs the transactions, each as often as it takes until one attempt is over; a failed one is not tried again.
func work(pool *Pool, settings string) (o told) {
	conn, err := sqlite.Open(Database, sqlite.Options{Files: pool})
	if err != nil {
		o.failures = append(o.failures, err)
		return o
	}
	defer conn.Close()
	if err := conn.Exec(workloadSettings + settings + createTable); err != nil {
		o.failures = append(o.failures, err)
	}
	for tx := range transactions {
		if err := transact(conn, tx); err != nil {
			o.failures = append(o.failures, err)
		} else {
			o.acknowledged = append(o.acknowledged, tx)
		}
	}
	return o
}

func transact(conn sqlite.Conn, tx int) error {
	err := conn.Exec(fmt.Sprintf(`BEGIN;
		WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < %d)
		INSERT INTO t SELECT %d, i, zeroblob(1500) FROM r;
		UPDATE t SET data = randomblob(1500) WHERE tx = %[2]d AND i %% 5 = 0;
		COMMIT`, rowsPerTransaction, tx))
	if err != nil && conn.InTransaction() {
		err = errors.Join(err, conn.Exec("ROLLBACK"))
	}
	return err
}

// verify opens what is on the disk and compares it with what was acknowledged: all of it must be there, any other
// transaction whole or not at all.
func (d *disk) verify(acknowledged []int) error {
	d.fault = nil
	pool, err := d.open()
	if err != nil {
		return err
	}
	defer pool.Close()
	conn, err := sqlite.Open(Database, sqlite.Options{Files: pool})
	if err != nil {
		return err
	}
	defer conn.Close()
	if found, err := query(conn, "PRAGMA integrity_check"); err != nil || found != "ok" {
		return fmt.Errorf("integrity_check: %s, %v", found, err)
	}
	if err := conn.Exec(createTable); err != nil {
		return err
	}
	torn, err := query(conn, fmt.Sprintf("SELECT group_concat(tx) FROM (SELECT tx FROM t GROUP BY tx HAVING count(*) != %d)", rowsPerTransaction))
	if err != nil || torn != "" {
		return fmt.Errorf("torn transactions: %s, %v", torn, err)
	}
	for _, tx := range acknowledged {
		if n, err := query(conn, fmt.Sprintf("SELECT count(*) FROM t WHERE tx = %d", tx)); err != nil || n != fmt.Sprint(rowsPerTransaction) {
			return fmt.Errorf("acknowledged transaction %d has %s rows, %v", tx, n, err)
		}
	}
	return nil
}

// healthyCalls is how many calls the workload makes when nothing fails: where a fault can be.
func healthyCalls(t *testing.T) int {
	t.Helper()
	d := newDisk()
	pool, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	if o := work(pool, ""); len(o.failures) > 0 || len(o.acknowledged) != transactions {
		t.Fatalf("without a fault: %v", o)
	}
	if err := errors.Join(pool.Close(), d.verify([]int{0, transactions - 1})); err != nil {
		t.Fatal(err)
	}
	return d.calls
}

// One call fails, or all from one on, each call in turn: what was acknowledged stays, whether the worker dies after it
// or closes its files, and what was not is told.
func TestFaultAtEveryCall(t *testing.T) {
	calls := healthyCalls(t)
	for name, fault := range map[string]func(number, at int) (int, error){
		"one error":       func(number, at int) (int, error) { return 0, when(number == at, errFake) },
		"one torn write":  func(number, at int) (int, error) { return 1000, when(number == at, errFake) },
		"no quota once":   func(number, at int) (int, error) { return 3000, when(number == at, errQuota) },
		"no quota a time": func(number, at int) (int, error) { return 0, when(number >= at && number < at+50, errQuota) },
		"dead":            func(number, at int) (int, error) { return 30_000, when(number >= at, errFake) },
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1 + rand.IntN(faultStride); at <= calls; at += faultStride {
				for _, leave := range []func(*Pool) error{(*Pool).Abandon, (*Pool).Close} {
					if err := faultAt(at, fault, leave); err != nil {
						t.Fatalf("fault at call %d of %d: %v", at, calls, err)
					}
				}
			}
		})
	}
}

// faultStride is how many calls a test run goes on between faults: a run takes the calls in between by another start.
const faultStride = 41

func faultAt(at int, fault func(number, at int) (int, error), leave func(*Pool) error) error {
	d := newDisk()
	d.fault = func(number int, _ string) (int, error) {
		written, err := fault(number, at)
		if err == nil {
			written = 0 // all of it
		}
		return written, err
	}
	pool, err := d.open()
	if err != nil {
		return nil // there is nothing to lose yet
	}
	o := work(pool, "")
	_ = leave(pool) // it may fail, or not
	if err := d.verify(o.acknowledged); err != nil {
		return fmt.Errorf("%w; the workload: %v", err, o)
	}
	return nil
}

// losePower forgets what was not flushed.
func (d *disk) losePower() {
	for _, h := range d.handles {
		h.data = slices.Clone(h.flushed)
	}
}

// The power is cut: with synchronous=FULL nothing is lost that was acknowledged; with NORMAL the last transactions may be,
// each as a whole.
func TestPowerLoss(t *testing.T) {
	calls := healthyCalls(t)
	for at := 1 + rand.IntN(faultStride); at <= calls; at += faultStride {
		for _, level := range []string{"FULL", "NORMAL"} {
			d := newDisk()
			d.fault = func(number int, _ string) (int, error) { return 0, when(number >= at, errFake) }
			pool, err := d.open()
			if err != nil {
				continue // there is nothing to lose yet
			}
			o := work(pool, "PRAGMA synchronous="+level+";")
			_ = pool.Abandon() // it can only fail
			d.losePower()
			if level == "NORMAL" {
				o.acknowledged = nil
			}
			if err := d.verify(o.acknowledged); err != nil {
				t.Fatalf("synchronous=%s, cut at call %d of %d: %v", level, at, calls, err)
			}
		}
	}
}
