//go:build sim

package sim

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

var (
	seedFlag  = flag.Uint64("sim.seed", 0, "run the world of this seed only, and print all of its trace")
	seedsFlag = flag.Uint64("sim.seeds", 300, "how many worlds TestWorlds runs")
	sameFlag  = flag.Uint64("sim.same", 20, "how many worlds TestSameTrace runs twice")
	firstFlag = flag.Uint64("sim.first", 1, "the seed of the first world")
)

func TestWorlds(t *testing.T) {
	if *seedFlag != 0 {
		v := runWorld(t, *seedFlag, 0)
		fmt.Println(v.trace)
		t.Logf("%d lines, sum %x, %d events, %v", v.lines, v.sum, v.events, v.lasted)
		if v.failure != "" {
			t.Fatal(v.failure)
		}
		return
	}
	var next atomic.Uint64
	next.Store(*firstFlag)
	end := *firstFlag + *seedsFlag
	for i := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for seed := next.Add(1) - 1; seed < end; seed = next.Add(1) - 1 {
				if v := runWorld(t, seed, 60); v.failure != "" {
					t.Errorf("seed %d: %s\n%s\nrun it again: go test -tags sim ./e2e/sim -run TestWorlds -sim.seed=%d", seed, v.failure, v.trace, seed)
					next.Store(end)
				}
			}
		})
	}
}

// One seed is one world: all that happens in it, and when, is the same in each run.
func TestSameTrace(t *testing.T) {
	for seed := uint64(1); seed <= *sameFlag; seed++ {
		first, second := runWorld(t, seed, 0), runWorld(t, seed, 0)
		if first.sum == second.sum {
			continue
		}
		a, b := strings.Split(first.trace, "\n"), strings.Split(second.trace, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("seed %d, line %d: first\n%s\nthen\n%s", seed, i, strings.Join(a[max(0, i-5):i+1], "\n"), strings.Join(b[max(0, i-5):i+1], "\n"))
			}
		}
		t.Fatalf("seed %d: %d lines, then %d", seed, len(a), len(b))
	}
}
