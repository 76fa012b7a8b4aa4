//go:build sim

package sim

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// bugs are planted in the product where it is built for the simulation: grep for planted.
var bugs = []string{
	// mirror/session
	"skip the epoch check",
	"forget what was sent on a lost connection",
	"never probe",
	// mirror/replica
	"advance the position before the rows",
	"ignore the hash",
	// mirror/outbox
	"send an outbox row twice",
	"forget the incarnation precondition",
	"keep an append without waiting for the disk",
	// mirror
	"forget what a restored backup has lost",
	// mirror/query
	"notify on equal",
	// server/stream
	"acknowledge before it is durable",
	"deliver before it is durable",
	"take what is meant for another incarnation",
	"forget to wake",
}

// The worlds find bugs: each of those that are planted, within as many as TestWorlds runs.
func TestPlantedBugs(t *testing.T) {
	if os.Getenv("MILLPOND_BUG") != "" {
		t.Skip("this is a run with a planted bug")
	}
	found := regexp.MustCompile(`seed (\d+): (.*)`)
	for _, bug := range bugs {
		t.Run(strings.ReplaceAll(bug, " ", "-"), func(t *testing.T) {
			t.Parallel()
			worlds := exec.Command(os.Args[0], "-test.run=^TestWorlds$", fmt.Sprintf("-sim.seeds=%d", *seedsFlag))
			worlds.Env = append(os.Environ(), "MILLPOND_BUG="+bug, "GOMAXPROCS=1")
			out, err := worlds.CombinedOutput()
			m := found.FindSubmatch(out)
			if err == nil || m == nil {
				t.Fatalf("it was not found in %d worlds: %s", *seedsFlag, out)
			}
			t.Logf("seed %s: %s", m[1], m[2])
		})
	}
}
