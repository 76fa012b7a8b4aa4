package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
)

// problem is the body of an error response: RFC 9457, with Millpond's stable code, the field at fault, and the request's id.
type problem struct {
	Type      string             `json:"type"` // about:blank: the code says all
	Title     string             `json:"title"`
	Status    int                `json:"status"`
	Detail    string             `json:"detail"`
	Code      millpond.ErrorCode `json:"code"`
	Field     string             `json:"field,omitempty"`
	RequestID string             `json:"requestId"` // names the request in the server's log
}

// asError is what a client may know of err. A failure that is not an *millpond.Error is the server's own business: it is
// logged, with the attributes that say of which request or session, and the client is only told that there was one.
func (s *Server) asError(err error, attributes ...any) *millpond.Error {
	var e *millpond.Error
	if errors.As(err, &e) {
		return e
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return bodyTooLarge(0, tooLarge.Limit)
	}
	if errors.Is(err, context.Canceled) {
		return &millpond.Error{Code: millpond.Unavailable, Message: "the request was given up"}
	}
	s.log.Error("internal error", append(attributes, "error", err)...)
	return &millpond.Error{Code: millpond.Internal, Message: "the server has failed to do this; its log says more"}
}

// bodyTooLarge tells of a body of so many bytes; 0: it is not known how many.
func bodyTooLarge(size, limit int64) *millpond.Error {
	message := "the body is over"
	if size > 0 {
		message = strconv.FormatInt(size, 10) + " bytes are over"
	}
	return &millpond.Error{Code: millpond.EventTooLarge, Message: message + " the limit of " + strconv.FormatInt(limit, 10) +
		" bytes of a request: send several, with smaller events"}
}

func writeProblem(c echo.Context, e *millpond.Error) error {
	status := e.Code.HTTPStatus()
	h := c.Response().Header()
	body, err := json.Marshal(problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: e.Message, Code: e.Code, Field: e.Field, RequestID: h.Get(requestIDHeader),
	})
	if err != nil {
		return err
	}
	h.Set("Cache-Control", "no-store")
	h.Del("ETag")                                     // of the answer that there would have been
	h.Set("Content-Type", "application/problem+json") // also when the handler has set another
	switch e.Code.Action() {
	case millpond.Retry:
		h.Set("Retry-After", strconv.FormatInt(max(1, int64((e.RetryAfter+time.Second-1)/time.Second)), 10))
	case millpond.Reauthenticate:
		h.Set("WWW-Authenticate", "Bearer")
	}
	return c.Blob(status, h.Get("Content-Type"), append(body, '\n'))
}
