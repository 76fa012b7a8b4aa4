package access

import (
	"errors"
	"fmt"

	"github.com/millpond-dev/millpond"
)

var (
	errNoToken = &millpond.Error{Code: millpond.Unauthenticated,
		Message: "show who you are: a token in the header Authorization: Bearer …, or in the hello of a websocket"}
	errNotKnown    = &millpond.Error{Code: millpond.Unauthenticated, Message: "the token is not valid: get a new one"}
	errExpired     = &millpond.Error{Code: millpond.Unauthenticated, Message: "the token has expired: get a new one"}
	errRevoked     = &millpond.Error{Code: millpond.Unauthenticated, Message: "the token was revoked: get a new one"}
	errChanged     = &millpond.Error{Code: millpond.Unavailable, Message: "who may come in has just changed: try again"}
	errTokenTooBig = &millpond.Error{Code: millpond.Unauthenticated, Message: fmt.Sprintf("the token is over the limit of %d bytes", MaxTokenBytes)}
)

func forbidden(do Action, name millpond.Name) error {
	return &millpond.Error{Code: millpond.Forbidden, Message: fmt.Sprintf("you may not %s %s", verb[do], name)}
}

var verb = map[Action]string{Read: "read", Subscribe: "subscribe to", Append: "append to", Configure: "configure", Control: "control"}

// told makes an error that is a bare code, as an Authenticate or Authorize function may return, one with words.
func told(err error, words func(millpond.ErrorCode) error) error {
	var e *millpond.Error
	if errors.As(err, &e) {
		return e // without what is wrapped around it
	}
	var code millpond.ErrorCode
	if errors.As(err, &code) {
		return words(code)
	}
	return err
}

func refused(code millpond.ErrorCode) error {
	return &millpond.Error{Code: code, Message: "refused: " + string(code)}
}
