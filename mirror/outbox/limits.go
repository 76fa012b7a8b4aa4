package outbox

import "github.com/millpond-dev/millpond"

// The limits of an outbox.
const (
	// MaxEvents bounds the events that wait, refused and quarantined ones among them: who is offline for long must hear of
	// it while there is still something to be done.
	MaxEvents = 100_000
	// MaxBytes bounds the text of them all.
	MaxBytes = 256 << 20

	// OverheadBytes is what an event as it is sent has more than the input that was given: the incarnation that it is meant for.
	OverheadBytes = len(incarnationField) + len(millpond.TimeFormat) + len(`",`)
)
