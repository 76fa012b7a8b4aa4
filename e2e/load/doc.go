//go:build linux

// Package load makes load for the benchmarks of servers: it speaks HTTP, websockets and the protocols of Millpond, NATS and
// Centrifuge by hand, over one epoll loop on one thread, because the processor time that a client takes is missing in the
// server that is measured on the same machine. It is no client library: it understands what these benchmarks send and get, and
// takes everything else for an error.
package load
