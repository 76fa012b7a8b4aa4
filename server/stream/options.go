package stream

import (
	"log/slog"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// Options configure an Engine. Only Store is needed.
type Options struct {
	Store  store.Store      // the caller closes it, after the engine
	Logger *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now

	// IdleTimeout is after how long without use a stream without subscribers is dropped from memory. The next use loads and
	// wakes it again. 0: 10 minutes. Below 0: never.
	IdleTimeout time.Duration

	// Presence says where it is recorded who subscribes, for streams whose configuration does not say. Empty:
	// [millpond.PresenceMemory].
	Presence millpond.Presence

	// MaxEventBytes bounds payload and metadata of an event. 0: [millpond.DefaultEventBytes]; [millpond.MaxEventBytes] at
	// most.
	MaxEventBytes int

	// TailBytes bounds the recent records that are kept in memory for all streams together. 0: 256 MiB.
	TailBytes int

	// Committed is told of each transaction, from the goroutine that commits, so it must not wait for anything. Nil: nobody.
	Committed func(Commit)

	// Registered says whether an outbound subscription may name the processor. It must not wait for anything. Nil: none.
	Registered func(slug string) bool

	// Changed is told of each stream whose state may have changed by more than its counts: after the commit and before its
	// answer, from the goroutine that commits, so it must not wait for anything. Nil: nobody.
	Changed func(millpond.Name)
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Registered == nil {
		o.Registered = func(string) bool { return false }
	}
	if o.Changed == nil {
		o.Changed = func(millpond.Name) {}
	}
	if o.Committed == nil {
		o.Committed = func(Commit) {}
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = defaultIdleTimeout
	}
	if o.MaxEventBytes == 0 {
		o.MaxEventBytes = millpond.DefaultEventBytes
	}
	if o.TailBytes == 0 {
		o.TailBytes = maxTailsBytes
	}
	return o
}
