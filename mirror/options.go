package mirror

import (
	"log/slog"
	"time"
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

	// Token is the bearer token that the server is shown. Empty: none, or in the browser a cookie.
	Token string

	// Client names the program in the server's log. Default: "millpond-mirror".
	Client string

	// AppendWait bounds how long an append waits for a connection. Default: 10 s.
	AppendWait time.Duration

	// Logger is told of what happens to the connection and the storage. Default: nobody is.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Name == "" {
		o.Name = "millpond"
	}
	if o.Client == "" {
		o.Client = "millpond-mirror"
	}
	if o.AppendWait <= 0 {
		o.AppendWait = defaultAppendWait
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
