// Command wasm is the mirror's program in the browser, as @millpond/client brings it.
package main

import (
	"github.com/millpond-dev/millpond/mirror/feed"
	"github.com/millpond-dev/millpond/wasm/worker"
)

func main() { worker.Main(feed.Projection()) }
