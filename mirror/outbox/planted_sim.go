//go:build sim

package outbox

import (
	"crypto/rand"
	"os"
	"strings"
)

// planted is a bug that the simulation has to find: see e2e/sim.
var planted = os.Getenv("MILLPOND_BUG")

// anew is an input under another key.
func anew(input string) string {
	return strings.Replace(input, `"idempotencyKey":"`, `"idempotencyKey":"`+rand.Text(), 1)
}
