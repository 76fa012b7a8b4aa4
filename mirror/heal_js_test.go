package mirror

import (
	"github.com/millpond-dev/millpond/mirror/opfs"
	"github.com/millpond-dev/millpond/mirror/query"
)

type queryResult = query.Result

// lost is what a browser says of a handle that somebody else has closed.
func lost() error {
	return &opfs.Error{Op: "read", Name: "InvalidStateError", Message: "the handle is closed"}
}
