package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// answer sends a text to the client, unless it has left.
func (c *client) answer(text string) {
	if c.ctx.Err() == nil {
		c.bridge.options.Answer(c.id, text)
	}
}

func (c *client) succeed(id uint64, result []byte) {
	c.answer(string(append(append(append(head("id", id), `,"result":`...), result...), '}')))
}

func (c *client) fail(id uint64, err error) { c.answer(string(appendError(head("id", id), err))) }

// head begins an answer: `{"id":7`.
func head(key string, id uint64) []byte {
	return strconv.AppendUint(append([]byte(`{"`), key+`":`...), id, 10)
}

func appendError(dst []byte, err error) []byte {
	problem := struct {
		Code    millpond.ErrorCode `json:"code"`
		Message string             `json:"message"`
		Field   string             `json:"field,omitempty"`
	}{codeOf(err), err.Error(), ""}
	var e *millpond.Error
	if errors.As(err, &e) {
		problem.Message, problem.Field = e.Message, e.Field
	}
	text, _ := json.Marshal(problem) // strings always marshal
	return append(append(append(dst, `,"error":`...), text...), '}')
}

// The codes of what only a mirror fails with, beside those of package millpond.
const (
	InvalidSQL millpond.ErrorCode = "invalid_sql" // the statement does not compile, failed, or may not be run
	TooLarge   millpond.ErrorCode = "too_large"   // the result is over its limit
	TooSlow    millpond.ErrorCode = "too_slow"    // a step of the statement is over its limit
)

func codeOf(err error) millpond.ErrorCode {
	var code millpond.ErrorCode
	switch {
	case errors.As(err, &code):
		return code
	case errors.Is(err, projection.ErrNotFound):
		return millpond.NotFound
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return millpond.Unavailable
	case errors.Is(err, query.ErrTooLarge):
		return TooLarge
	case errors.Is(err, query.ErrTooSlow):
		return TooSlow
	case errors.Is(err, query.ErrNotReadOnly), errors.Is(err, query.ErrStatements), errors.Is(err, query.ErrParams),
		errors.Is(err, sqlite.Failed), errors.Is(err, sqlite.Denied), errors.Is(err, sqlite.TooBig), errors.Is(err, sqlite.Mismatch):
		return InvalidSQL
	}
	return millpond.Internal
}

func statusText(s *mirror.Status) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a status always marshals
	}
	return `{"status":` + string(text) + `}`
}
