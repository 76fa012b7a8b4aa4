// Package web holds the built web pages, so that one binary serves them: the event viewer, the client's worker, the
// mirror's wasm and the service worker. `npm run build` in this folder makes them; without it the package still
// compiles, and holds none.
package web

import (
	"embed"
	"io/fs"
)

// "all:" because the placeholder that keeps the folder in the repository begins with a dot.
//
//go:embed all:dist
var files embed.FS

// FS is the built pages, index.html at its root, each file with its compressed siblings (.br and .gz) beside it. It
// is false when they have not been built.
func FS() (fs.FS, bool) {
	dist, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path
	}
	if _, err := fs.Stat(dist, "index.html"); err != nil {
		return nil, false
	}
	return dist, true
}
