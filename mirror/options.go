package mirror

import (
	"context"
	"log/slog"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
)

// Options say what a mirror copies and where to. Only URL is required; without it the mirror opens offline, and stays
// so.
type Options struct {
	// URL is the address of the server, such as "https://example.org": http, https, ws or wss. The mirror connects to
	// the path /api/ws under it.
	URL string

	// Name names the database in the browser, where several can live beside one another. Default: "millpond".
	Name string

	// Path is the database file. Empty: the database is in memory and gone after Close. Not used in the browser.
	Path string

	// Token is asked for the bearer token to show to the server, before each attempt to connect; fresh says that the server
	// has refused the last one, so that a kept one will not do. It is called away from the mirror's goroutine, one call at a
	// time but for calls that were given up, must return when ctx ends, and has a minute. Its error leads to another attempt,
	// later; an [*millpond.Error] that trying again cannot help, such as [millpond.Unauthenticated] when nobody is logged in,
	// stops the mirror until Reconnect. For a token that does not change there is [FixedToken]. Nil: there is no token, or in
	// the browser a cookie.
	Token func(ctx context.Context, fresh bool) (string, error)

	// Client names the program in the server's log. Default: "millpond-mirror".
	Client string

	// AppendWait bounds how long [Appended.Wait] waits for a connection. Default: 10 s.
	AppendWait time.Duration

	// MaxEventBytes bounds payload and metadata of an event that the mirror takes: a stream with a larger one stops before it,
	// and its status says why. It is held in memory whole, a few times. Default: 32 MiB, the largest there can be.
	MaxEventBytes int

	// MaxQueryStep bounds how long SQLite may take on the way to the next row of a query, live ones too: nothing else happens
	// meanwhile. What takes longer fails with [query.ErrTooSlow]. Negative: nothing does. Default: 2 s.
	MaxQueryStep time.Duration

	// Projections make tables of the events: see package projection. Open fails with a [*projection.DefinitionError] when one is
	// wrong. The tables of one that was given before, and is not any more, go.
	Projections []projection.Projection

	// ShowRebuild has the copy of a stream that was reset, or diverged, replaced at once, and filled before the eyes of its users.
	// Default: the old copy is seen, marked as stale in the status, until the new one has come as far as the log.
	ShowRebuild bool

	// Persist asks the browser, or its user, not to delete the data when room gets scarce, and returns the answer. It is called
	// once, away from the mirror's goroutine, when there is something to lose: an append, or a stream's events. It must return when ctx
	// ends. Only a page can ask; natively, and where the database is in memory, nobody is asked. Nil: nobody is.
	Persist func(ctx context.Context) (granted bool, err error)

	// Logger is told of what happens to the connection and the storage. Default: nobody is.
	Logger *slog.Logger

	place place // tests have their own
	world world
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "millpond"
	}
	if o.Client == "" {
		o.Client = "millpond-mirror"
	}
	if o.MaxEventBytes <= 0 {
		o.MaxEventBytes = millpond.MaxEventBytes
	}
	if o.AppendWait <= 0 {
		o.AppendWait = defaultAppendWait
	}
	if o.place == nil {
		o.place = newPlace(o)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
