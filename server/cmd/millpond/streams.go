package main

import (
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server"
)

// streamFlags say how streams are kept.
type streamFlags struct {
	Presence      string        `enum:"memory,log" default:"memory" env:"MILLPOND_PRESENCE" help:"Where it is recorded who subscribes to a stream that is not configured otherwise: memory or log (default: ${default})."`
	MaxEventBytes int           `default:"8388608" env:"MILLPOND_MAX_EVENT_BYTES" placeholder:"BYTES" help:"Limit of payload and metadata of an event together, 33554432 at most (default: ${default})."`
	IdleTimeout   time.Duration `default:"10m" env:"MILLPOND_IDLE_TIMEOUT" placeholder:"DURATION" help:"After how long without use a stream leaves the memory (default: ${default})."`
}

func (f *streamFlags) check() error {
	if f.MaxEventBytes < 1 || f.MaxEventBytes > millpond.MaxEventBytes {
		return &usageError{fmt.Sprintf("--max-event-bytes %d: must be 1 to %d", f.MaxEventBytes, millpond.MaxEventBytes)}
	}
	return nil
}

func (f *streamFlags) apply(opts *server.Options) {
	opts.Presence = millpond.Presence(f.Presence)
	opts.MaxEventBytes = f.MaxEventBytes
	opts.IdleTimeout = f.IdleTimeout
}
