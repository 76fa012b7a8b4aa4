package echo_test

import (
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/processors/echo"
	"github.com/millpond-dev/millpond/server/processors/processortest"
)

// S18: each request gets one reply with the same payload, and is counted.
func TestEcho(t *testing.T) {
	s := processortest.New(t, echo.Processor{})
	s.Append(
		millpond.Input{Type: echo.TypeRequested, Payload: []byte(`{"say":"hello"}`)},
		millpond.Input{Type: "other"},
		millpond.Input{Type: echo.TypeRequested},
	)
	replies := s.Events(echo.TypeReplied)
	if len(replies) != 2 || string(replies[0].Payload) != `{"say":"hello"}` || replies[1].Payload != nil {
		t.Errorf("replies: %+v", replies)
	}
	if got := s.State(); got.Replies != 2 {
		t.Errorf("state: %+v", got)
	}
}
