package server

import (
	"io/fs"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/store"
)

// Options configure a [Server]. One of Data and Store is needed; all else works as it is.
type Options struct {
	// Data is the folder of the log. It is created when it does not exist. One process at a time can have it open.
	Data string

	// Store is where the log is kept instead of Data. The server does not close it.
	Store store.Store

	// UI holds the built web pages, index.html at its root, each file with its compressed siblings (.br, .gz) beside
	// it. Files below assets/ must have a hash of their content in their names. It must not change. Nil: a page that
	// says how to build it.
	UI fs.FS

	// AllowedOrigins are the origins, such as "https://app.example.com", whose web pages may use the API beside the
	// server's own. A server behind a proxy on the same machine needs the public origin here, too: on a loopback
	// address it answers only to loopback names and to the hosts of these origins. That stops a page of another site
	// whose name has been made to point at 127.0.0.1 (DNS rebinding).
	AllowedOrigins []string

	// Authenticate says who a client is. Nil: everybody is nobody in particular, and whoever reaches the server is let in.
	Authenticate access.Authenticate

	// Authorize says what an identity may do. Nil: everything, for whoever is let in.
	Authorize access.Authorize

	// Limits are what clients may use: how fast they append, how many connections and subscriptions they have. The zero value
	// is the defaults.
	Limits access.Limits

	// Cookie is the name of the cookie that holds the token of requests that have none elsewhere. Set it with HttpOnly,
	// Secure, SameSite=Lax or Strict, Path=/, no Domain, and a name that begins with "__Host-". Empty: cookies are not
	// looked at.
	Cookie string

	// Processors are those that outbound subscriptions of streams may name: see docs/processors.md. Each is made with
	// [millpond.Define].
	Processors []millpond.Definition

	// Presence says where it is recorded who subscribes to a stream that is not configured otherwise (stream/configured with
	// "presence"). Empty: in memory only, for in the log N subscribers that connect cost N² deliveries.
	Presence millpond.Presence

	// MaxEventBytes bounds payload and metadata of an event together. 0: 8 MiB. At most [millpond.MaxEventBytes], 32 MiB.
	MaxEventBytes int

	// IdleTimeout is after how long without use a stream without subscribers leaves the memory. 0: 10 minutes. Below 0: never.
	IdleTimeout time.Duration

	// Logger gets a line for each lifecycle event and each failure of the server; at level debug also one for each
	// request. Lines of a request have its id, "request", those of a websocket the "session". Nil: slog.Default().
	Logger *slog.Logger

	// Registerer is where the metrics are registered, until Close. Nil: a registry of the server's own, which
	// Server.MetricsHandler serves.
	Registerer prometheus.Registerer

	// PublicMetrics serves the metrics at /metrics, too, without authentication. It has no effect with a Registerer.
	PublicMetrics bool

	// Version of the program, for the welcome message and /healthz. Empty: "dev".
	Version string

	world world
}
