//go:build !sim || js

package mirror

import (
	"time"

	"github.com/millpond-dev/millpond/mirror/conn"
)

// world is what surrounds a mirror: clock, chance and network. Only a simulation has another one than this: see
// world_sim.go.
type world struct{}

func (world) now() func() time.Time { return nil }
func (world) rand() func() float64  { return nil }

func (world) dial(url string, deliver func(conn.Event)) *conn.Conn { return conn.Dial(url, deliver) }
