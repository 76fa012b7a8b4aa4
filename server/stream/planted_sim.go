//go:build sim

package stream

import "os"

// planted is a bug that the simulation has to find: see e2e/sim.
var planted = os.Getenv("MILLPOND_BUG")
