package server

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/stream"
)

// serveRead is GET /api/streams/{namespace}/{path}: the events after and before offsets, at most limit, of the types; or with
// offset or key, one event.
func (s *Server) serveRead(c echo.Context, streams *access.Streams) error {
	name, err := streamName(c.Request(), "/api/streams/")
	if err != nil {
		return err
	}
	p, err := parseParams(c.Request(), "after", "before", "limit", "types", "offset", "key")
	if err != nil {
		return err
	}
	for _, one := range []string{"offset", "key"} {
		if _, ok := p[one]; ok && len(p) > 1 {
			return invalidParam(one, "asks for one event: leave the other parameters out")
		}
	}
	if _, ok := p["offset"]; ok {
		return s.readOffset(c, streams, name, p)
	}
	if key, ok := p["key"]; ok {
		e, err := streams.EventByKey(c.Request().Context(), name, key)
		return writeEvent(c, e, err)
	}
	return s.readRange(c, streams, name, p)
}

func (s *Server) readOffset(c echo.Context, streams *access.Streams, name millpond.Name, p params) error {
	offset, err := p.offset("offset", 1, 0)
	if err != nil {
		return err
	}
	e, err := streams.Event(c.Request().Context(), name, offset)
	return writeEvent(c, e, err)
}

func writeEvent(c echo.Context, e millpond.Event, err error) error {
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, append(e.AppendJSON(nil), '\n'))
}

func (s *Server) readRange(c echo.Context, streams *access.Streams, name millpond.Name, p params) error {
	after, err := p.offset("after", 0, 0)
	if err != nil {
		return err
	}
	before, err := p.offset("before", 1, 0)
	if err != nil {
		return err
	}
	limit, err := p.offset("limit", 1, defaultReadEvents)
	if err != nil {
		return err
	}
	if limit > maxReadEvents {
		return invalidParam("limit", fmt.Sprintf("is over %d: read page by page, with after", maxReadEvents))
	}
	types, err := p.types("types")
	if err != nil {
		return err
	}
	return s.writeRange(c, streams, name, stream.ReadOptions{After: after, Before: before, Types: types}, int(limit))
}

// writeRange writes a JSON array as it is read, chunk by chunk: a thousand of the largest events would not fit in memory
// for many readers at once.
func (s *Server) writeRange(c echo.Context, streams *access.Streams, name millpond.Name, opts stream.ReadOptions, limit int) error {
	w := c.Response()
	var out []byte
	for written := 0; written < limit; {
		opts.Limit = min(limit-written, readChunkEvents)
		events, err := streams.Read(c.Request().Context(), name, opts)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			break
		}
		out = out[:0]
		for i := range events {
			out = append(out, separator(written))
			out = events[i].AppendJSON(out)
			written++
		}
		opts.After = events[len(events)-1].Offset
		startJSON(w)
		if _, err := w.Write(out); err != nil {
			return err
		}
	}
	end := "]\n"
	if !w.Committed {
		end = "[]\n"
	}
	startJSON(w)
	_, err := w.Write([]byte(end))
	return err
}

func separator(written int) byte {
	if written == 0 {
		return '['
	}
	return ','
}

func startJSON(w *echo.Response) {
	if !w.Committed {
		w.Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
		w.WriteHeader(http.StatusOK)
	}
}
