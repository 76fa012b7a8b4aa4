package millpond

import (
	"fmt"
	"strings"
)

// DefaultNamespace is the namespace of those who need only one.
const DefaultNamespace = "default"

// Name names a stream. It is comparable. The zero Name is not valid: make one with [NewName].
type Name struct {
	Namespace string `json:"namespace"` // 1–64 bytes of [a-z0-9._-], not "." or ".."
	Path      string `json:"path"`      // "/" or "/segment/segment…", at most 512 bytes and 64 segments
}

// NewName makes a Name of a namespace and a path, or says which rule they break, as an *Error with code
// [InvalidName].
func NewName(namespace, path string) (Name, error) {
	n := Name{namespace, path}
	return n, n.Validate()
}

// Validate says which rule the name breaks, as an *Error with code [InvalidName].
func (n Name) Validate() error {
	if len(n.Namespace) > MaxNamespaceBytes {
		return invalidName("namespace", fmt.Sprintf("%d bytes are over the limit of %d", len(n.Namespace), MaxNamespaceBytes))
	}
	if why := checkSegment(n.Namespace); why != "" {
		return invalidName("namespace", why)
	}
	if len(n.Path) > MaxPathBytes {
		return invalidName("path", fmt.Sprintf("%d bytes are over the limit of %d", len(n.Path), MaxPathBytes))
	}
	if !strings.HasPrefix(n.Path, "/") {
		return invalidName("path", `must start with "/"`)
	}
	if n.Path == "/" {
		return nil
	}
	if segments := strings.Count(n.Path, "/"); segments > MaxPathSegments {
		return invalidName("path", fmt.Sprintf("%d segments are over the limit of %d", segments, MaxPathSegments))
	}
	for segment := range strings.SplitSeq(n.Path[1:], "/") {
		if why := checkSegment(segment); why != "" {
			return invalidName("path", why)
		}
	}
	return nil
}

// Ancestors are the paths of the streams above a path, from the root on: of "/a/b", "/" and "/a".
func Ancestors(path string) []string {
	if path == "/" {
		return nil
	}
	all := []string{"/"}
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			all = append(all, path[:i])
		}
	}
	return all
}

// String is "namespace:path", such as "default:/chat/42".
func (n Name) String() string { return n.Namespace + ":" + n.Path }

func checkSegment(s string) string {
	switch s {
	case "":
		return `must not be empty, nor have an empty segment ("//", or "/" at the end)`
	case ".", "..":
		return fmt.Sprintf("segment %q is not allowed", s)
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.') {
			return fmt.Sprintf("%q is not allowed: use lowercase letters, digits, \"-\", \"_\" and \".\"", r)
		}
	}
	return ""
}

func invalidName(field, message string) error {
	return &Error{Code: InvalidName, Field: field, Message: message}
}
