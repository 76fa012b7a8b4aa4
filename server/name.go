package server

import (
	"net/http"
	"strings"

	"github.com/millpond-dev/millpond"
)

// streamName reads the name of a stream from the request's path: prefix, namespace, and the stream's path, which is empty
// for the root stream. Names never need percent-encoding: where it would make a difference it is refused, so that nobody
// between the client and here understands another name.
func streamName(r *http.Request, prefix string) (millpond.Name, error) {
	if strings.Contains(r.URL.EscapedPath(), "%") {
		return millpond.Name{}, &millpond.Error{Code: millpond.InvalidName, Field: "path",
			Message: `must not be percent-encoded: use lowercase letters, digits, "-", "_" and "."`}
	}
	namespace, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
	return millpond.NewName(namespace, "/"+path)
}
