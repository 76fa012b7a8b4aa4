package faultfiles

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// healthyCalls is how many calls the workload makes when nothing fails: where a fault can be.
func healthyCalls(t *testing.T, settings string) int {
	t.Helper()
	d := New()
	told := Work(d, settings)
	if len(told.Failures) > 0 || len(told.Acknowledged) != Transactions {
		t.Fatalf("without a fault: %v", told)
	}
	calls := d.Calls()
	if err := told.Verify(d); err != nil {
		t.Fatal(err)
	}
	return calls
}

// powerLoss cuts the power at some calls of the workload, which is every stride-th from a first one on, and returns the first
// thing that is wrong after it. The seed says what is left each time.
func powerLoss(t *testing.T, settings string, first, stride int, seed uint64, verify func(Told, sqlite.Files) error) error {
	t.Helper()
	calls := healthyCalls(t, settings)
	for at := first; at <= calls; at += stride {
		d := New()
		d.Fault = From(at, ErrFault)
		told := Work(d, settings)
		d.Fault = nil
		d.Cut(rand.New(rand.NewPCG(seed, uint64(at))))
		if err := verify(told, d); err != nil {
			return fmt.Errorf("cut at call %d, seed %d: %w", at, seed, err)
		}
	}
	return nil
}

// The disk is one that SQLite counts on: in the modes that are said to survive a power cut, it does.
func TestPowerLossIsSurvived(t *testing.T) {
	const stride = 101
	for settings, verify := range map[string]func(Told, sqlite.Files) error{
		"PRAGMA synchronous=FULL":                               Told.Verify,
		"PRAGMA synchronous=NORMAL":                             Told.VerifyPrefix,
		"PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL":   Told.Verify,
		"PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL": Told.Verify,
	} {
		if err := powerLoss(t, settings, 1+rand.IntN(stride), stride, rand.Uint64(), verify); err != nil {
			t.Errorf("%s: %v", settings, err)
		}
	}
}

// The power cut bites: settings that are said to corrupt do, and NORMAL loses the end. Not each cut does harm, with
// journal_mode=MEMORY one in twenty, so these are always the same.
func TestPowerLossBites(t *testing.T) {
	for settings, verify := range map[string]func(Told, sqlite.Files) error{
		"PRAGMA synchronous=OFF":                              Told.VerifyPrefix,
		"PRAGMA journal_mode=MEMORY; PRAGMA synchronous=FULL": Told.VerifyPrefix,
		"PRAGMA synchronous=NORMAL":                           Told.Verify,
	} {
		if err := powerLoss(t, settings, 1, 7, 1, verify); err == nil {
			t.Errorf("%s: nothing was lost", settings)
		}
	}
}

// A full disk is told as Full, and what was acknowledged before is there.
func TestFullDisk(t *testing.T) {
	for limit := int64(10_000); limit < 1_000_000; limit += 70_000 {
		d := New()
		d.Limit = limit
		told := Work(d, "")
		full := false
		for _, err := range told.Failures {
			full = full || errors.Is(err, sqlite.Full)
		}
		if len(told.Failures) > 0 && !full {
			t.Errorf("limit %d: no failure says Full: %v", limit, told.Failures)
		}
		d.Kill()
		d.Limit = 0
		if err := told.Verify(d); err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}
