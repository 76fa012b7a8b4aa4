package main

import "github.com/millpond-dev/millpond/server/access"

// limitFlags are what clients of serve may use. 0 is the default; below 0 there is no limit.
type limitFlags struct {
	MaxConnections            int `env:"MILLPOND_MAX_CONNECTIONS" group:"limits" placeholder:"N" help:"Websockets and responses that follow a stream, of everybody (default: 20000)."`
	IdentityConnections       int `env:"MILLPOND_IDENTITY_CONNECTIONS" group:"limits" placeholder:"N" help:"The same of one identity (default: 100)."`
	IdentitySubscriptions     int `env:"MILLPOND_IDENTITY_SUBSCRIPTIONS" group:"limits" placeholder:"N" help:"Subscriptions of one identity, on all of its connections (default: 10000)."`
	IdentityEventsPerSecond   int `env:"MILLPOND_IDENTITY_EVENTS_PER_SECOND" group:"limits" placeholder:"N" help:"Events that one identity may append a second (default: 10000)."`
	IdentityBytesPerSecond    int `env:"MILLPOND_IDENTITY_BYTES_PER_SECOND" group:"limits" placeholder:"N" help:"Bytes that one identity may append a second (default: 16 MiB)."`
	ConnectionEventsPerSecond int `env:"MILLPOND_CONNECTION_EVENTS_PER_SECOND" group:"limits" placeholder:"N" help:"Events that may be appended over one websocket a second (default: no limit)."`
	ConnectionBytesPerSecond  int `env:"MILLPOND_CONNECTION_BYTES_PER_SECOND" group:"limits" placeholder:"N" help:"Bytes that may be appended over one websocket a second (default: no limit)."`
	MaxPendingBytes           int `env:"MILLPOND_MAX_PENDING_BYTES" group:"limits" placeholder:"N" help:"Bytes of appends in memory, of everybody (default: 256 MiB)."`
	MaxMessageBytes           int `env:"MILLPOND_MAX_MESSAGE_BYTES" group:"limits" placeholder:"N" help:"Largest append, as text (default, and most: about 4 MiB)."`
}

func (f *limitFlags) limits() access.Limits {
	return access.Limits{
		TotalConnections: f.MaxConnections, Connections: f.IdentityConnections, Subscriptions: f.IdentitySubscriptions,
		EventsPerSecond: f.IdentityEventsPerSecond, BytesPerSecond: f.IdentityBytesPerSecond,
		ConnectionEventsPerSecond: f.ConnectionEventsPerSecond, ConnectionBytesPerSecond: f.ConnectionBytesPerSecond,
		TotalPendingBytes: f.MaxPendingBytes, MessageBytes: f.MaxMessageBytes,
	}
}
