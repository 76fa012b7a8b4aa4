package stream

import (
	"log/slog"
	"time"

	"github.com/millpond-dev/millpond/server/store"
)

// Options configure an Engine. Only Store is needed.
type Options struct {
	Store  store.Store      // the caller closes it, after the engine
	Logger *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now

	// TailBytes bounds the recent records that are kept in memory for all streams together. 0: 256 MiB.
	TailBytes int
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.TailBytes == 0 {
		o.TailBytes = maxTailsBytes
	}
	return o
}
