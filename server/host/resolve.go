package host

import (
	"path"
	"strings"

	"github.com/millpond-dev/millpond"
)

// resolve is the stream of the namespace that an absolute or relative path names, seen from a stream.
func resolve(from millpond.Name, to string) (millpond.Name, error) {
	if !strings.HasPrefix(to, "/") {
		to = path.Join(from.Path, to)
	}
	return millpond.NewName(from.Namespace, to)
}
