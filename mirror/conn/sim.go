//go:build sim && !js

package conn

import (
	"context"
	"net/http"
)

// DialWith is Dial on a simulated network: see e2e/sim.
func DialWith(client *http.Client, url string, deliver func(Event)) *Conn {
	return begin(deliver, func(ctx context.Context) (socket, error) { return dialWith(ctx, client, url) })
}
