package access

import (
	"strings"

	"github.com/millpond-dev/millpond"
)

// Action is something that an identity does with a stream.
type Action string

// The actions. Each needs its own permission: none includes another.
const (
	// Read: its events, by range, offset or key, and its reduced state.
	Read Action = "read"
	// Subscribe: to follow it. To subscribe to a stream that does not exist creates it, and so needs Append, too.
	Subscribe Action = "subscribe"
	// Append: events of the application. The first one creates the stream.
	Append Action = "append"
	// Configure: to append events that change how the stream itself works, such as stream/paused, stream/configured and
	// stream/metadata-updated: see [ActionOf].
	Configure Action = "configure"
	// Control: to reset it, which deletes all of its events, and to kill its running instance.
	Control Action = "control"
)

// Actions are all of them.
func Actions() []Action { return []Action{Read, Subscribe, Append, Configure, Control} }

// ActionOf is the action that it is to append an event of the type.
func ActionOf(eventType string) Action {
	if strings.HasPrefix(eventType, millpond.SystemPrefix) {
		return Configure
	}
	return Append
}
