package server

import (
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/host"
	"github.com/millpond-dev/millpond/server/stream"
)

// serveState is GET /api/state/{namespace}/{path}: the reduced state, what is connected, and how the processors do.
func (s *Server) serveState(c echo.Context, streams *access.Streams) error {
	name, err := streamName(c.Request(), "/api/state/")
	if err != nil {
		return err
	}
	if _, err := parseParams(c.Request()); err != nil {
		return err
	}
	state, runtime, err := streams.State(c.Request().Context(), name)
	if err != nil {
		return err
	}
	return s.writeState(c, state, &runtimeState{runtime, s.host.Status(name, state.MaxOffset)})
}

// serveReduce is POST /api/reduce/{namespace}/{path} with one event, or an array of them: a dry run. It answers with the
// reduced state that the stream would have after they were appended.
func (s *Server) serveReduce(c echo.Context, streams *access.Streams) error {
	name, err := streamName(c.Request(), "/api/reduce/")
	if err != nil {
		return err
	}
	inputs, _, done, err := s.readInputs(c, streams)
	if err != nil {
		return err
	}
	defer done()
	state, err := streams.Reduce(c.Request().Context(), name, inputs)
	if err != nil {
		return err
	}
	return s.writeState(c, state, nil)
}

func (s *Server) writeState(c echo.Context, state millpond.State, runtime *runtimeState) error {
	text, err := json.Marshal(stateAnswer{state, runtime})
	if err != nil {
		return err
	}
	return s.writeJSON(c, append(text, '\n'))
}

// stateAnswer is the answer. The client has its types in web/client/src/state.ts.
type stateAnswer struct {
	State   millpond.State `json:"state"`
	Runtime *runtimeState  `json:"runtime,omitempty"` // nil: of a dry run
}

// runtimeState is what runs on a stream.
type runtimeState struct {
	stream.Runtime
	Processors map[string]host.Status `json:"processors"` // by the keys of their subscriptions
}

// serveControl is POST /api/control/{namespace}/{path} with {"action":"kill"} or {"action":"reset"}. It answers with the
// action when it is done.
func (s *Server) serveControl(c echo.Context, streams *access.Streams) error {
	name, err := streamName(c.Request(), "/api/control/")
	if err != nil {
		return err
	}
	if _, err := parseParams(c.Request()); err != nil {
		return err
	}
	body, err := (&requestBody{limit: maxControlBytes}).read(c)
	if err != nil {
		return err
	}
	action, err := parseAction(body)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	switch action {
	case "kill":
		err = streams.Kill(ctx, name)
	case "reset":
		err = streams.Reset(ctx, name)
	default:
		err = &millpond.Error{Code: millpond.InvalidRequest, Field: "action", Message: `must be "kill" or "reset"`}
	}
	if err != nil {
		return err
	}
	s.log.Info("stream "+action, "stream", name.String(), "by", streams.Identity().Subject)
	return c.JSON(http.StatusOK, map[string]string{"action": action})
}

func parseAction(body []byte) (action string, err error) {
	var members map[string]json.RawMessage // a struct would take "Action", too
	if json.Unmarshal(body, &members) != nil {
		return "", &millpond.Error{Code: millpond.InvalidRequest, Message: `must be JSON like {"action":"reset"}`}
	}
	for name := range members {
		if name != "action" {
			return "", &millpond.Error{Code: millpond.InvalidRequest, Field: clip(name), Message: "is not known: use action"}
		}
	}
	if json.Unmarshal(members["action"], &action) != nil {
		return "", &millpond.Error{Code: millpond.InvalidRequest, Field: "action", Message: `must be "kill" or "reset"`}
	}
	return action, nil
}
