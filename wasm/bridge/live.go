package bridge

import (
	"strconv"

	"github.com/millpond-dev/millpond/mirror/query"
)

// liveAnswers makes the answers of one live query: the first result whole, and then what makes each of the one before. They
// are numbered, so that a tab sees when one is missing.
type liveAnswers struct {
	live     uint64 // the tab's id for the query
	revision uint64
	last     *query.Result // nil after an error
}

// next is called in the order of the results.
func (l *liveAnswers) next(result *query.Result, err error) string {
	l.revision++
	last := l.last
	l.last = result
	text := strconv.AppendUint(append(head("live", l.live), `,"revision":`...), l.revision, 10)
	if err != nil {
		return string(appendError(text, err))
	}
	if patch, ok := query.Diff(last, result); ok {
		return string(append(patch.AppendJSON(append(text, `,"patch":`...)), '}'))
	}
	return string(append(result.AppendJSON(append(text, `,"result":`...)), '}'))
}
