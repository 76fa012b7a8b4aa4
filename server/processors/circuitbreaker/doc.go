// Package circuitbreaker is a processor that pauses a stream which gets too many events too fast: a program that appends in
// a loop, or two processors that answer each other.
//
// It is a token bucket for each stream: an event takes a token, and time brings tokens back, up to the bucket's capacity. An
// event that finds none trips the breaker, which then appends stream/paused. Whoever knows that the cause is gone appends stream/resumed: that fills
// the bucket.
//
//	stream/subscription-configured  {"key": "circuit-breaker", "processor": "circuit-breaker"}
//	circuit-breaker/configured      {"burstCapacity": 100, "refillPerMinute": 60}
//
// It acts after the fact: the event that trips it is committed, and so may be some after it, until the pause is.
package circuitbreaker
