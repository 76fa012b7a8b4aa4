//go:build sim && !js

package mirror

import (
	"context"
	"net/http"
	"time"

	"github.com/millpond-dev/millpond/mirror/conn"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// World is what surrounds a mirror in a simulation: see e2e/sim. All of it is needed.
type World struct {
	Now    func() time.Time // the wall clock
	Rand   func() float64   // in [0,1), for the jitter of reconnects
	Files  sqlite.Files     // where Options.Path is
	Client *http.Client     // dials
}

// In is the options of a mirror in a simulated world.
func (o Options) In(w World) Options {
	o.world, o.place = world{w}, filesPlace{w.Files, o.Path}
	return o
}

type world struct{ World }

func (w world) now() func() time.Time { return w.Now }
func (w world) rand() func() float64  { return w.Rand }

func (w world) dial(url string, deliver func(conn.Event)) *conn.Conn {
	return conn.DialWith(w.Client, url, deliver)
}

// filesPlace is a database in the files of a simulation.
type filesPlace struct {
	files sqlite.Files
	path  string
}

func (p filesPlace) open(context.Context) (*storage, error) {
	c, err := sqlite.Open(p.path, sqlite.Options{Files: p.files, Exclusive: true})
	if err != nil {
		return nil, err
	}
	return &storage{conn: c, kind: StorageFile}, nil
}

func (p filesPlace) remove(context.Context) error {
	for _, suffix := range []string{"-journal", "-wal", ""} {
		if err := p.files.Delete(p.path + suffix); err != nil {
			return err
		}
	}
	return nil
}
