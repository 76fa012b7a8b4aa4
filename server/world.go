//go:build !sim

package server

import (
	mathrand "math/rand/v2"
	"time"

	"github.com/millpond-dev/millpond"
)

// world is what surrounds a server: clock and chance. Only a simulation has another one than this: see world_sim.go.
type world struct{}

func (world) now() func() time.Time               { return nil }
func (world) randN(n time.Duration) time.Duration { return mathrand.N(n) }
func (world) creditBytes() int64                  { return millpond.MaxCreditBytes }
