package millpond

import (
	"slices"
	"strings"
)

// Resolve is the name of the stream that a path names, seen from the stream n, in the same namespace. The path is absolute
// ("/chat/42"), or relative to n, which is like a folder: "./x" is below it, "../x" beside it; "." and ".." end a path, too.
// It fails with an [*Error] with code [InvalidName] and the field "stream".
func (n Name) Resolve(path string) (Name, error) {
	if strings.HasPrefix(path, "/") {
		return n.resolved(path)
	}
	steps := strings.Split(path, "/")
	if steps[0] != "." && steps[0] != ".." {
		return Name{}, invalidName("stream", `must be an absolute path such as "/chat/42", or begin with "./" or "../"`)
	}
	at := strings.Split(strings.Trim(n.Path, "/"), "/")
	if n.Path == "/" {
		at = nil
	}
	for i, step := range steps {
		switch {
		case step == "":
			return Name{}, invalidName("stream", "must not have an empty segment")
		case step == ".." && len(at) == 0:
			return Name{}, invalidName("stream", "is above the root")
		case step == "..":
			at = at[:len(at)-1]
		case step == "." && i == 0:
		default:
			at = append(slices.Clip(at), step) // NewName refuses what is no segment
		}
	}
	return n.resolved("/" + strings.Join(at, "/"))
}

func (n Name) resolved(path string) (Name, error) {
	to := Name{n.Namespace, path}
	if err := to.Validate(); err != nil {
		return Name{}, invalidName("stream", err.(*Error).Message)
	}
	return to, nil
}

// Target is the stream that a batch which is sent to n goes to: see [Input.Stream]. A batch is atomic in one stream: inputs
// that name several are refused.
func Target(n Name, inputs []Input) (Name, error) {
	target := n
	for i := range inputs {
		to := n
		if path := inputs[i].Stream; path != "" {
			var err error
			if to, err = n.Resolve(path); err != nil {
				return Name{}, within(index(i), err)
			}
		}
		if i > 0 && to != target {
			return Name{}, within(index(i), &Error{Code: InvalidEvent, Field: "stream",
				Message: "is another one than that of the events before: send a batch for each stream"})
		}
		target = to
	}
	return target, nil
}
