package circuitbreaker

import "time"

// Settings are the payload of circuit-breaker/configured.
type Settings struct {
	BurstCapacity   int64 `json:"burstCapacity"`   // most events at once: 1 to MaxBurstCapacity
	RefillPerMinute int64 `json:"refillPerMinute"` // events a minute in the long run: 0 to MaxRefillPerMinute; 0: none until it is resumed
}

func (s Settings) valid() bool {
	return s.BurstCapacity >= 1 && s.BurstCapacity <= MaxBurstCapacity && s.RefillPerMinute >= 0 && s.RefillPerMinute <= MaxRefillPerMinute
}

// bucket is a token bucket. It counts in whole numbers, so that every machine comes to the same: a token is a minute's
// nanoseconds, and a nanosecond brings RefillPerMinute.
type bucket struct {
	Settings
	Level int64 `json:"level"` // what is in it
	At    int64 `json:"at"`    // when, in nanoseconds since 1970: the latest time that it was told of; 0: not yet
}

const token = int64(time.Minute)

func newBucket(s Settings) bucket { return bucket{Settings: s, Level: s.BurstCapacity * token} }

// configure changes the settings. A bucket that becomes larger gets the difference, no more: to configure it again and again
// does not fill it.
func (b bucket) configure(s Settings) bucket {
	b.Level = min(b.Level, s.BurstCapacity*token) + max(0, s.BurstCapacity-b.BurstCapacity)*token
	b.Settings = s
	return b
}

// take takes a token at the time, if there is one. A time before the latest brings nothing and takes nothing away.
func (b bucket) take(at time.Time) (_ bucket, ok bool) {
	b = b.refill(at.UnixNano())
	if b.Level < token {
		return b, false
	}
	b.Level -= token
	return b, true
}

func (b bucket) refill(now int64) bucket {
	if b.At == 0 {
		b.At = now
	}
	if now <= b.At {
		return b
	}
	elapsed, full := now-b.At, b.BurstCapacity*token
	b.At = now
	switch missing := full - b.Level; {
	case b.RefillPerMinute == 0:
	case elapsed > missing/b.RefillPerMinute: // no product that overflows
		b.Level = full
	default:
		b.Level += elapsed * b.RefillPerMinute
	}
	return b
}
