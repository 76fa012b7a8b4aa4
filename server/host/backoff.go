package host

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait after so many failures in a row: doubling up to a bound, give or take a half, so that those that
// failed together do not come back together.
func backoff(failures int) time.Duration {
	d := maxBackoff
	if failures < 16 {
		d = min(maxBackoff, minBackoff<<max(0, failures-1))
	}
	return d/2 + rand.N(d)
}
