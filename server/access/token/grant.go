package token

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// every stands for every namespace, or every action.
const every = "*"

// Grant lets an identity do some actions to the streams at and below some paths of a namespace.
type Grant struct {
	Namespace string          `json:"namespace"` // or "*"
	Paths     []string        `json:"paths"`     // "/chat": /chat and /chat/…; "/": all
	Actions   []access.Action `json:"actions"`   // or "*"
}

// Allows reports whether the grant is for the action on the stream.
func (g *Grant) Allows(do access.Action, name millpond.Name) bool {
	return (g.Namespace == every || g.Namespace == name.Namespace) &&
		(slices.Contains(g.Actions, do) || slices.Contains(g.Actions, every)) &&
		slices.ContainsFunc(g.Paths, func(path string) bool { return below(name.Path, path) })
}

// below reports whether a stream's path is the path, or below it.
func below(path, at string) bool {
	if at == "/" {
		return true
	}
	rest, ok := strings.CutPrefix(path, at)
	return ok && (rest == "" || rest[0] == '/')
}

// Validate says what is wrong with the grant. One that is in part not understood grants nothing: it may mean less than it
// seems to.
func (g *Grant) Validate() error {
	if g.Namespace != every {
		if _, err := millpond.NewName(g.Namespace, "/"); err != nil {
			return err
		}
	}
	if n := len(g.Paths); n == 0 || n > maxPaths {
		return fmt.Errorf("paths must be 1 to %d", maxPaths)
	}
	for _, path := range g.Paths {
		if _, err := millpond.NewName(millpond.DefaultNamespace, path); err != nil {
			return err
		}
	}
	if len(g.Actions) == 0 {
		return fmt.Errorf("actions must be some of %v", access.Actions())
	}
	for _, do := range g.Actions {
		if do != every && !slices.Contains(access.Actions(), do) {
			return fmt.Errorf("%.32q is not an action: use %v", do, access.Actions())
		}
	}
	return nil
}
