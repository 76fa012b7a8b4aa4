package millpond

import (
	"strconv"
	"time"
)

// ErrorCode names a kind of failure. It is stable: programs branch on it, in every language, on HTTP and on the
// websocket. It is an error itself, so that errors.Is(err, millpond.OffsetConflict) asks what an [*Error] is.
type ErrorCode string

// The error codes.
const (
	InvalidRequest      ErrorCode = "invalid_request"      // not JSON, an unknown parameter, a message out of order
	InvalidEvent        ErrorCode = "invalid_event"        // the event breaks a rule; Error.Field names the field
	InvalidName         ErrorCode = "invalid_name"         // the namespace or the path breaks a rule
	Unauthenticated     ErrorCode = "unauthenticated"      // no identity, or one that has expired
	Forbidden           ErrorCode = "forbidden"            // the identity may not do this, or the origin is not allowed
	NotFound            ErrorCode = "not_found"            // no such stream, event or route
	MethodNotAllowed    ErrorCode = "method_not_allowed"   // the route exists, not with this HTTP method
	OffsetConflict      ErrorCode = "offset_conflict"      // the offset asked for is not the next one
	IncarnationConflict ErrorCode = "incarnation_conflict" // the append is for another incarnation of the stream
	StreamPaused        ErrorCode = "stream_paused"        // the stream takes no appends until it is resumed
	EventTooLarge       ErrorCode = "event_too_large"      // an event, a batch or a message is over its limit
	RateLimited         ErrorCode = "rate_limited"         // too much, too fast
	Unavailable         ErrorCode = "unavailable"          // not now: shutting down, overloaded, or not connected
	Internal            ErrorCode = "internal"             // a fault of the server; its log says more
)

// Action is what a client does about an error.
type Action string

// The actions.
const (
	Retry          Action = "retry"          // try again, later, with backoff
	Reauthenticate Action = "reauthenticate" // get a new token, then try again
	GiveUp         Action = "give-up"        // the same request will fail again: tell the user
)

// errorTable is the one table of error code → HTTP status → what the client does. The websocket close code is
// 4000 + the HTTP status.
var errorTable = map[ErrorCode]struct {
	status int
	action Action
}{
	InvalidRequest:      {400, GiveUp},
	InvalidEvent:        {400, GiveUp},
	InvalidName:         {400, GiveUp},
	Unauthenticated:     {401, Reauthenticate},
	Forbidden:           {403, GiveUp},
	NotFound:            {404, GiveUp},
	MethodNotAllowed:    {405, GiveUp},
	OffsetConflict:      {409, GiveUp},
	IncarnationConflict: {409, GiveUp},
	StreamPaused:        {409, GiveUp},
	EventTooLarge:       {413, GiveUp},
	RateLimited:         {429, Retry},
	Unavailable:         {503, Retry},
	Internal:            {500, Retry},
}

func (c ErrorCode) Error() string { return string(c) }

// Known reports whether c is one of the codes above.
func (c ErrorCode) Known() bool { _, ok := errorTable[c]; return ok }

// HTTPStatus is the HTTP status of c: 500 for an unknown code.
func (c ErrorCode) HTTPStatus() int {
	if e, ok := errorTable[c]; ok {
		return e.status
	}
	return 500
}

// CloseCode is the websocket close code of c, in the range 4000–4999: 4000 + HTTPStatus.
func (c ErrorCode) CloseCode() int { return 4000 + c.HTTPStatus() }

// Action is what a client does about c: Retry for an unknown code.
func (c ErrorCode) Action() Action {
	if e, ok := errorTable[c]; ok {
		return e.action
	}
	return Retry
}

// ActionOfClose is what a client does when a websocket was closed with the code: Retry for all but the codes that
// say that the same connection would be refused again.
func ActionOfClose(closeCode int) Action {
	switch closeCode - 4000 {
	case 401:
		return Reauthenticate
	case 400, 403, 404, 405, 413:
		return GiveUp
	}
	return Retry
}

// Error is a failure that a caller on the other side of a process boundary is told of. Its message says what
// happened and what to do; it never tells of the server's inside.
type Error struct {
	Code    ErrorCode
	Message string
	Field   string // the field or parameter at fault, such as "events[2].type"; may be empty

	// RetryAfter is when it is worth trying again, where that is known. Over HTTP it is the header Retry-After.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	if e.Field != "" {
		return string(e.Code) + ": " + e.Field + ": " + e.Message
	}
	return string(e.Code) + ": " + e.Message
}

// Unwrap returns the code, so that errors.Is(err, code) holds.
func (e *Error) Unwrap() error { return e.Code }

func invalidEvent(field, message string) *Error {
	return &Error{Code: InvalidEvent, Field: field, Message: message}
}

func tooLarge(field string, size, limit int) *Error {
	return &Error{Code: EventTooLarge, Field: field,
		Message: strconv.Itoa(size) + " bytes are over the limit of " + strconv.Itoa(limit) + " bytes"}
}
