package session

import "time"

// backoff is how long to wait after failures in a row: between one half of BackoffBase·2^failures and all of it. The
// jitter keeps many mirrors of one server apart.
func (m *Machine) backoff(failures int) time.Duration {
	full := BackoffCap
	if failures < 16 { // further doubling would overflow, and is over the cap
		full = min(BackoffCap, BackoffBase<<failures)
	}
	return full/2 + time.Duration(m.config.Rand()*float64(full/2))
}
