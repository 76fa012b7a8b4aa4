package sqlite_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

var (
	cuts     = flag.Int("sqlite.cuts", 1000, "how often the power is cut, over all settings")
	cutsSeed = flag.Uint64("sqlite.seed", 0, "the seed of the first cut; 0: a random one")
)

// The power is cut anywhere in a workload, and of what was not synced any of it is left. With synchronous=FULL nothing is
// lost that was acknowledged, with NORMAL the last transactions may be, and neither is ever corrupt or has half a
// transaction.
func TestPowerLoss(t *testing.T) {
	settings := []struct {
		sql    string
		verify func(faultfiles.Told, sqlite.Files) error
	}{
		{"PRAGMA synchronous=FULL", faultfiles.Told.Verify},
		{"PRAGMA synchronous=NORMAL", faultfiles.Told.VerifyPrefix},
	}
	seed := *cutsSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for _, s := range settings {
		healthy := faultfiles.New()
		if told := faultfiles.Work(healthy, s.sql); len(told.Failures) > 0 {
			t.Fatalf("%s, without a fault: %v", s.sql, told.Failures)
		}
		for range *cuts / len(settings) {
			if err := cutPower(s.sql, s.verify, healthy.Calls(), seed); err != nil {
				t.Fatalf("%s: %v\nagain: go test ./mirror/sqlite -run TestPowerLoss -sqlite.cuts=%d -sqlite.seed=%d", s.sql, err,
					len(settings), seed)
			}
			seed++
		}
	}
}

// cutPower runs the workload with a power cut at one of its calls, and verifies what is left. The seed says all.
func cutPower(settings string, verify func(faultfiles.Told, sqlite.Files) error, calls int, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 0))
	disk := faultfiles.New()
	disk.Fault = faultfiles.From(1+random.IntN(calls), faultfiles.ErrFault)
	told := faultfiles.Work(disk, settings)
	disk.Fault = nil
	disk.Cut(random)
	return verify(told, disk)
}
