package server

import (
	"errors"
	"io"
	"net/http"

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
	held, err := s.hold(c, streams)
	if err != nil {
		return err
	}
	defer streams.Release(held)
	inputs, batch, err := s.readInputs(c)
	if err != nil {
		return err
	}
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

func (s *Server) bodyLimit() int64 { return int64(min(maxBodyBytes, s.gate.Limits().MessageBytes)) }

// hold counts the body of an append, before it is read.
func (s *Server) hold(c echo.Context, streams *access.Streams) (bytes int, err error) {
	length, limit := c.Request().ContentLength, s.bodyLimit()
	if length > limit {
		return 0, bodyTooLarge(limit)
	}
	if length < 0 { // it does not say
		length = limit
	}
	return int(length), streams.Hold(int(length))
}

// readInputs reads a request's body of events: one, or a batch of them. The request takes no parameters.
func (s *Server) readInputs(c echo.Context) (inputs []millpond.Input, batch bool, err error) {
	if _, err := parseParams(c.Request()); err != nil {
		return nil, false, err
	}
	body, err := readBody(c, s.bodyLimit())
	if err != nil {
		return nil, false, err
	}
	return millpond.ParseInputs(body)
}

// readBody reads a request's body of at most limit bytes.
func readBody(c echo.Context, limit int64) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > limit {
		return nil, bodyTooLarge(limit)
	}
	var buf []byte
	var err error
	// With net/http's own writer: that closes the connection then, where Echo's would wait for more of the body.
	body := http.MaxBytesReader(c.Response().Writer, r.Body, limit)
	if r.ContentLength >= 0 {
		buf = make([]byte, r.ContentLength)
		_, err = io.ReadFull(body, buf)
	} else {
		buf, err = io.ReadAll(body)
	}
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return nil, &millpond.Error{Code: millpond.InvalidRequest, Message: "the body could not be read: it ended early, or took too long"}
	}
	return buf, err
}
