//go:build sim

package server

import "time"

// World is what surrounds a server in a simulation: see e2e/sim. All of it is needed.
type World struct {
	Now         func() time.Time                  // the wall clock
	RandN       func(time.Duration) time.Duration // in [0,n), for the time at which clients shall come back
	CreditBytes int64                             // what a client is told to keep its credit within
}

// In is the options of a server in a simulated world.
func (o Options) In(w World) Options {
	o.world = world{w}
	return o
}

type world struct{ World }

func (w world) now() func() time.Time               { return w.Now }
func (w world) randN(n time.Duration) time.Duration { return w.RandN(n) }
func (w world) creditBytes() int64                  { return w.CreditBytes }
