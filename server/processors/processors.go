// Package processors has the processors that come with the server; the program has them all.
package processors

import (
	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/processors/circuitbreaker"
	"github.com/millpond-dev/millpond/server/processors/echo"
)

// BuiltIn are all of them, for server.Options.Processors. They run on the streams that are configured so.
func BuiltIn() []millpond.Definition {
	return []millpond.Definition{millpond.Define(circuitbreaker.Processor{}), millpond.Define(echo.Processor{})}
}
