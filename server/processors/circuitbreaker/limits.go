package circuitbreaker

// The settings of a stream that has not been configured, and the bounds of both.
const (
	DefaultBurstCapacity   = 1000
	DefaultRefillPerMinute = 600
	MaxBurstCapacity       = 1_000_000
	MaxRefillPerMinute     = 1_000_000
)
