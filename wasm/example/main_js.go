// Command example is a mirror's program with a projection of its own. Copy the folder, and build it with
//
//	GOOS=js GOARCH=wasm go build -trimpath -ldflags '-s -w' -o tea.wasm ./wasm/example
//
// The page opens it with openMirror({ wasmURL: '/tea.wasm' }).
package main

import (
	"github.com/millpond-dev/millpond/mirror/feed"
	"github.com/millpond-dev/millpond/wasm/worker"
)

func main() { worker.Main(feed.Projection(), teaProjection()) }
