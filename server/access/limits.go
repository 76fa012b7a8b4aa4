package access

import (
	"time"

	"github.com/millpond-dev/millpond"
)

const (
	// MaxTokenBytes bounds a token.
	MaxTokenBytes = 8 << 10
	// MaxSubjectBytes bounds the subject of an identity.
	MaxSubjectBytes = 256

	// burstSeconds is how much of a rate may be used at once.
	burstSeconds = 2
	// maxPace bounds how long an append waits for its turn where the client waits, too. A client takes a server for dead
	// that does not answer its probe for millpond.ProbeTimeout.
	maxPace = 3 * time.Second
	// maxIdentities bounds the identities that are remembered. Those without anything open are forgotten, and may begin again
	// with a full burst.
	maxIdentities = 100_000
	// firstSweep is how many identities there are before it is looked for those that can be forgotten.
	firstSweep = 1024
)

// Limits bound what clients may use. A field that is 0 is its default; below 0 there is no limit, but for those that say so.
// Those of an identity are counted by its subject: whoever has none is bounded only by the others, so give anonymous
// visitors a subject, their address perhaps. The program's own use is not limited.
type Limits struct {
	// EventsPerSecond and BytesPerSecond are how fast one identity may append: 10,000 events, and 16 MiB of types, payloads, metadata and
	// keys. For two seconds' worth, and one batch of the largest size, it need not wait. Over HTTP what is too fast
	// is refused with [millpond.RateLimited] and Retry-After; on a websocket it waits for up to three seconds first.
	EventsPerSecond int
	BytesPerSecond  int

	// ConnectionEventsPerSecond and ConnectionBytesPerSecond are the same for one websocket. Default: none.
	ConnectionEventsPerSecond int
	ConnectionBytesPerSecond  int

	// Connections are the websockets and the responses that follow a stream of one identity: 100.
	Connections int
	// Subscriptions are those of one identity, on all of its connections: 10,000. One connection has at most
	// millpond.MaxSubscriptions.
	Subscriptions int
	// PendingBytes are those of one identity's appends that are being read and committed: 32 MiB.
	PendingBytes int

	// TotalConnections are those of everybody: 20,000. Below 0: the default.
	TotalConnections int
	// TotalPendingBytes are those of everybody: 256 MiB. Below 0: the default.
	TotalPendingBytes int
	// Greetings are the websockets that have not said who they are: 1,000. Below 0: the default.
	Greetings int
	// MessageBytes bounds a message of a websocket: millpond.MaxMessageBytes, which is also the most that it can be. When it is
	// less, it bounds the body of an append over HTTP, too; otherwise that is as large as the largest event needs.
	MessageBytes int
}

// WithDefaults is the limits with their defaults in the place of 0.
func (l Limits) WithDefaults() Limits {
	for _, d := range []struct {
		field    *int
		value    int
		required bool
	}{
		{&l.EventsPerSecond, 10_000, false},
		{&l.BytesPerSecond, 16 << 20, false},
		{&l.ConnectionEventsPerSecond, -1, false},
		{&l.ConnectionBytesPerSecond, -1, false},
		{&l.Connections, 100, false},
		{&l.Subscriptions, 10_000, false},
		{&l.PendingBytes, 32 << 20, false},
		{&l.TotalConnections, 20_000, true},
		{&l.TotalPendingBytes, 256 << 20, true},
		{&l.Greetings, 1000, true},
		{&l.MessageBytes, millpond.MaxMessageBytes, true},
	} {
		if *d.field == 0 || *d.field < 0 && d.required {
			*d.field = d.value
		}
	}
	l.MessageBytes = min(l.MessageBytes, millpond.MaxMessageBytes)
	return l
}
