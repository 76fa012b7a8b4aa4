package session

import "time"

// The limits of a session. Those of the protocol are in package millpond.
const (
	// TokenTimeout bounds how long a token may take to come: it may have to be fetched, and somebody be asked.
	TokenTimeout = 60 * time.Second
	// ConnectTimeout bounds the time from Dial to the server's welcome.
	ConnectTimeout = 10 * time.Second

	// The n-th wait in a row is between one half of BackoffBase·2ⁿ and all of it, and BackoffCap at the most: a mirror that finds
	// out by a probe that its connection is dead, and then waits for the longest, is back within 30 s.
	BackoffBase = 250 * time.Millisecond
	BackoffCap  = 12 * time.Second

	// MaxRetryAfter bounds the delay that a server may ask for when it goes away.
	MaxRetryAfter = 30 * time.Second

	// MaxMismatches is how often in a row batches may not fit the copy of a stream before the copy is replaced: the
	// first time may be a fault on the way.
	MaxMismatches = 3

	// WindowBytes is the credit of a stream. At 100,000 events of 300 bytes a second it lasts 140 ms, longer than the way
	// to the server and back.
	WindowBytes = 4 << 20
	// WindowsBytes is the credit of all streams together, and so about the memory that unapplied batches take.
	WindowsBytes = 16 << 20
)
