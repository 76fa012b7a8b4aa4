//go:build !js

package random

import "crypto/rand"

// fill fills b. crypto/rand ends the program where the system gives no random bytes.
func fill(b []byte) { rand.Read(b) }
