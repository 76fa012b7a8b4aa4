//go:build !js

package opfs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

// healthyCalls is how many calls the workload makes on the files of a pool when nothing fails: where a fault can be.
func healthyCalls(t *testing.T, settings string) int {
	t.Helper()
	d := faultfiles.New()
	pool := openPool(t, d)
	told := faultfiles.Work(pool, settings)
	if len(told.Failures) > 0 || len(told.Acknowledged) != faultfiles.Transactions {
		t.Fatalf("without a fault: %v", told)
	}
	if err := errors.Join(pool.Close(), verify(d, told.Verify)); err != nil {
		t.Fatal(err)
	}
	return d.Calls()
}

// verify compares what a new worker finds on the disk with what was told.
func verify(d *faultfiles.Disk, compare func(sqlite.Files) error) error {
	pool, err := openDisk(d)
	if err != nil {
		return err
	}
	return errors.Join(compare(pool), pool.Close())
}

// faultStride is how many calls a test run goes on between faults: a run takes the calls in between by another start.
const faultStride = 41

// One call fails, or all from one on, each call in turn: what was acknowledged stays, whether the worker dies after it
// or closes its files, and what was not is told.
func TestFaultAtEveryCall(t *testing.T) {
	calls := healthyCalls(t, "")
	for name, fault := range map[string]func(at int) faultfiles.Fault{
		"one error":      func(at int) faultfiles.Fault { return faultfiles.At(at, faultfiles.ErrFault) },
		"one torn write": func(at int) faultfiles.Fault { return faultfiles.Torn(1000, faultfiles.At(at, faultfiles.ErrFault)) },
		"no quota once":  func(at int) faultfiles.Fault { return faultfiles.Torn(3000, faultfiles.At(at, errQuota)) },
		"no quota a time": func(at int) faultfiles.Fault {
			return faultfiles.Between(at, at+50, errQuota)
		},
		"dead": func(at int) faultfiles.Fault {
			return faultfiles.Torn(30_000, faultfiles.From(at, faultfiles.ErrFault))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1 + rand.IntN(faultStride); at <= calls; at += faultStride {
				for left, leave := range leftBy {
					if err := faultAt(fault(at), leave); err != nil {
						t.Fatalf("fault at call %d of %d, then %s: %v", at, calls, left, err)
					}
				}
			}
		})
	}
}

func faultAt(fault faultfiles.Fault, leave func(*Pool) error) error {
	d := faultfiles.New()
	d.Fault = fault
	pool, err := openDisk(d)
	if err != nil {
		return nil // there is nothing to lose yet
	}
	told := faultfiles.Work(pool, "")
	_ = leave(pool) // it may fail, or not
	d.Fault = nil
	d.Kill()
	return verify(d, told.Verify)
}

// The power is cut: with synchronous=FULL nothing is lost that was acknowledged; with NORMAL the last transactions may be,
// each as a whole. The order of files matters to the rollback journal, so that is tried, too.
func TestPowerLoss(t *testing.T) {
	for settings, compare := range map[string]func(faultfiles.Told, sqlite.Files) error{
		"PRAGMA synchronous=FULL":                               faultfiles.Told.Verify,
		"PRAGMA synchronous=NORMAL":                             faultfiles.Told.VerifyPrefix,
		"PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL": faultfiles.Told.Verify,
	} {
		calls := healthyCalls(t, settings)
		for at := 1 + rand.IntN(faultStride); at <= calls; at += faultStride {
			seed := rand.Uint64()
			cut := func(d *faultfiles.Disk) { d.Cut(rand.New(rand.NewPCG(seed, 0))) }
			if err := crashAt(at, settings, cut, compare); err != nil {
				t.Fatalf("%s, cut at call %d of %d, seed %d: %v", settings, at, calls, seed, err)
			}
		}
	}
}

// The worker is killed: nothing is lost that was acknowledged, even with synchronous=OFF, because the browser has all
// that was written so far, in order.
func TestKilled(t *testing.T) {
	for _, settings := range []string{
		"PRAGMA synchronous=OFF",
		"PRAGMA journal_mode=DELETE; PRAGMA synchronous=OFF",
		"PRAGMA journal_mode=PERSIST; PRAGMA synchronous=OFF",
	} {
		calls := healthyCalls(t, settings)
		for at := 1 + rand.IntN(faultStride); at <= calls; at += faultStride {
			if err := crashAt(at, settings, (*faultfiles.Disk).Kill, faultfiles.Told.Verify); err != nil {
				t.Fatalf("%s, killed at call %d of %d: %v", settings, at, calls, err)
			}
		}
	}
}

// crashAt runs the workload on a pool whose files are gone from a call on, and compares what is left.
func crashAt(at int, settings string, crash func(*faultfiles.Disk), compare func(faultfiles.Told, sqlite.Files) error) error {
	d := faultfiles.New()
	d.Fault = faultfiles.From(at, faultfiles.ErrFault)
	pool, err := openDisk(d)
	if err != nil {
		return nil // there is nothing to lose yet
	}
	told := faultfiles.Work(pool, settings)
	_ = pool.Abandon() // it can only fail
	d.Fault = nil
	crash(d)
	if err := verify(d, func(files sqlite.Files) error { return compare(told, files) }); err != nil {
		return fmt.Errorf("%w; it was told %+v", err, told)
	}
	return nil
}

// leftBy are the ways that a worker leaves its files.
var leftBy = map[string]func(*Pool) error{
	"killed": (*Pool).Abandon,
	"closed": func(p *Pool) error { return errors.Join(p.Close(), p.Close()) },
}
