package millpond_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/millpond-dev/millpond"
)

var errorCodes = []millpond.ErrorCode{
	millpond.InvalidRequest, millpond.InvalidEvent, millpond.InvalidName, millpond.Unauthenticated, millpond.Forbidden,
	millpond.NotFound, millpond.MethodNotAllowed, millpond.OffsetConflict, millpond.IncarnationConflict, millpond.StreamPaused, millpond.EventTooLarge,
	millpond.RateLimited, millpond.Unavailable, millpond.Internal,
}

func TestErrorCodes(t *testing.T) {
	for _, code := range errorCodes {
		if !code.Known() {
			t.Errorf("%s is not in the table", code)
		}
		if got := code.CloseCode() - code.HTTPStatus(); got != 4000 {
			t.Errorf("%s: close code − status = %d", code, got)
		}
		// A connection that was closed with the code is treated as the code is; but a conflict is of one request, and
		// says nothing about the next connection.
		if want := code.Action(); code.HTTPStatus() != 409 && millpond.ActionOfClose(code.CloseCode()) != want {
			t.Errorf("%s: closed with %d: %s, want %s", code, code.CloseCode(), millpond.ActionOfClose(code.CloseCode()), want)
		}
	}
	unknown := millpond.ErrorCode("new_in_a_later_version")
	if unknown.Known() || unknown.HTTPStatus() != 500 || unknown.CloseCode() != 4500 || unknown.Action() != millpond.Retry {
		t.Errorf("unknown code: %v %d %d %s", unknown.Known(), unknown.HTTPStatus(), unknown.CloseCode(), unknown.Action())
	}
	for _, standard := range []int{1000, 1001, 1006, 1009, 1011, 1012} {
		if got := millpond.ActionOfClose(standard); got != millpond.Retry {
			t.Errorf("closed with %d: %s, want %s", standard, got, millpond.Retry)
		}
	}
}

func TestErrorIs(t *testing.T) {
	err := fmt.Errorf("append: %w", &millpond.Error{Code: millpond.OffsetConflict, Field: "offset", Message: "the next offset is 5"})
	if !errors.Is(err, millpond.OffsetConflict) || errors.Is(err, millpond.NotFound) {
		t.Error("errors.Is does not ask for the code")
	}
	if got, want := err.Error(), "append: offset_conflict: offset: the next offset is 5"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGoldenErrors(t *testing.T) {
	type row struct {
		Code       millpond.ErrorCode `json:"code"`
		HTTPStatus int                `json:"httpStatus"`
		CloseCode  int                `json:"closeCode"`
		Action     millpond.Action    `json:"action"`
	}
	type closed struct {
		CloseCode int             `json:"closeCode"`
		Action    millpond.Action `json:"action"`
	}
	var rows []row
	seen := map[int]bool{}
	var closes []closed
	closeCodes := []int{1000, 1001, 1006, 1009, 1011, 1012, 4000, 4999}
	for _, code := range errorCodes {
		rows = append(rows, row{code, code.HTTPStatus(), code.CloseCode(), code.Action()})
		closeCodes = append(closeCodes, code.CloseCode())
	}
	for _, code := range closeCodes {
		if !seen[code] {
			closes = append(closes, closed{code, millpond.ActionOfClose(code)})
		}
		seen[code] = true
	}
	golden(t, "errors.json", map[string]any{
		"about": "The error codes, with their HTTP status, websocket close code and what a client does; and what a client does when a " +
			"connection was closed with a code. An unknown error code is like internal.",
		"codes":  rows,
		"closes": closes,
	})
}
