package server

import (
	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// serveAppend is POST /api/streams/{namespace}/{path}: one event, or an array of them as one atomic batch. It answers with
// the committed event, or an array of them aligned with the input.
//
// The content type does not matter: `curl -d` says that its JSON is a form. What a form's content type would let through
// without a preflight request, a page of another origin, the check of Origin has stopped.
func (s *Server) serveAppend(c echo.Context, streams *access.Streams) error {
	name, err := streamName(c.Request(), "/api/streams/")
	if err != nil {
		return err
	}
	inputs, batch, done, err := s.readInputs(c, streams)
	if err != nil {
		return err
	}
	defer done()
	events, err := streams.Append(c.Request().Context(), name, inputs)
	if err != nil {
		return err
	}
	var out []byte
	if batch {
		out = millpond.AppendEventsJSON(out, events)
	} else {
		out = events[0].AppendJSON(out)
	}
	return s.writeJSON(c, append(out, '\n'))
}

// bodyLimit bounds the body of an append: as the largest event needs, unless messages are bounded by less than the protocol's limit.
func (s *Server) bodyLimit() int64 {
	if limit := s.gate.Limits().MessageBytes; limit < millpond.MaxMessageBytes {
		return min(s.appendBytes, int64(limit))
	}
	return s.appendBytes
}

// hold counts the body of an append, before it is read.
func (s *Server) hold(c echo.Context, streams *access.Streams) (bytes int, err error) {
	length, limit := c.Request().ContentLength, s.bodyLimit()
	if length > limit {
		return 0, bodyTooLarge(length, limit)
	}
	if length < 0 { // it does not say
		length = limit
	}
	return int(length), streams.Hold(int(length))
}

// readInputs reads a request's body of events: one, or a batch of them. It counts for the identity. The request takes no
// parameters. Call done when the events are not in use any more.
func (s *Server) readInputs(c echo.Context, streams *access.Streams) (inputs []millpond.Input, batch bool, done func(), err error) {
	if _, err := parseParams(c.Request()); err != nil {
		return nil, false, nil, err
	}
	held, err := s.hold(c, streams)
	if err != nil {
		return nil, false, nil, err
	}
	body := &requestBody{budget: &s.bodies, limit: s.bodyLimit()}
	text, err := body.read(c)
	if err == nil {
		inputs, batch, err = millpond.ParseInputs(text)
	}
	done = func() {
		body.release()
		streams.Release(held)
	}
	if err != nil {
		done()
		return nil, false, nil, err
	}
	return inputs, batch, done, nil
}
