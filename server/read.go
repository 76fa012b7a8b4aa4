package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/stream"
)

// serveRead is GET /api/streams/{namespace}/{path}: the events after and before offsets, at most limit, of the types; or
// with offset or key, one event; or, with live, what is there and what comes.
func (s *Server) serveRead(c echo.Context, streams *access.Streams) error {
	name, err := streamName(c.Request(), "/api/streams/")
	if err != nil {
		return err
	}
	p, err := parseParams(c.Request(), "after", "before", "limit", "types", "offset", "key", "incarnation", "live")
	if err != nil {
		return err
	}
	if _, ok := p["live"]; ok {
		return s.serveFollow(c, streams, name, p)
	}
	for _, one := range []string{"offset", "key"} {
		if _, ok := p[one]; ok {
			return s.readOne(c, streams, name, p, one)
		}
	}
	r, err := p.readRange()
	if err != nil {
		return err
	}
	return s.readRange(c, streams, name, r, p["incarnation"])
}

// locate finds the end of the log that is read, and says in the answer which log that is.
func (s *Server) locate(c echo.Context, streams *access.Streams, name millpond.Name, incarnation string) (millpond.Position, error) {
	at, err := streams.Position(c.Request().Context(), name)
	if err != nil {
		return at, err
	}
	if incarnation != "" && incarnation != string(at.Incarnation) {
		return at, &millpond.Error{Code: millpond.NotFound, Field: "incarnation",
			Message: "the stream has another incarnation: it was reset. Leave the parameter out to read that one"}
	}
	h := c.Response().Header()
	h.Set(incarnationHeader, string(at.Incarnation))
	h.Set(maxOffsetHeader, strconv.FormatUint(at.Offset, 10))
	h.Add(echo.HeaderVary, echo.HeaderAuthorization) // what is kept is for who has asked
	if s.cookie != "" {
		h.Add(echo.HeaderVary, echo.HeaderCookie)
	}
	return at, nil
}

// readOne answers with the event at an offset or with a key.
func (s *Server) readOne(c echo.Context, streams *access.Streams, name millpond.Name, p params, by string) error {
	for other := range p {
		if other != by && other != "incarnation" {
			return invalidParam(by, "asks for one event: leave the other parameters out")
		}
	}
	offset, err := p.offset("offset", 1, 0)
	if err != nil {
		return err
	}
	at, err := s.locate(c, streams, name, p["incarnation"])
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if by == "key" {
		if offset, err = streams.OffsetOf(ctx, name, at.Incarnation, p["key"]); err != nil {
			return err
		}
	}
	e, err := streams.EventAt(ctx, name, at.Incarnation, offset)
	var is *stream.LargeError
	if errors.As(err, &is) {
		return s.writeLarge(c, &largeEvent{streams, name, at.Incarnation, is}, p["incarnation"] != "")
	}
	if err != nil {
		return err
	}
	text := append(e.AppendJSON(nil), '\n')
	setCacheControl(c, p["incarnation"] != "")
	if notModified(c, validator(0, at.Incarnation, string(text))) {
		return nil
	}
	return s.writeJSON(c, text)
}

// writeLarge answers with a large event.
func (s *Server) writeLarge(c echo.Context, l *largeEvent, settled bool) error {
	ctx := c.Request().Context()
	hash, err := l.streams.HashAt(ctx, l.name, l.incarnation, l.is.Offset)
	if err != nil {
		return err
	}
	setCacheControl(c, settled)
	if notModified(c, validator(hash, l.incarnation, "event", l.is.Offset)) {
		return nil
	}
	if c.Request().Method == http.MethodHead {
		c.Response().Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
		return c.NoContent(http.StatusOK)
	}
	b := s.newBody(c)
	err = l.write(ctx, b.put)
	if err == nil {
		err = b.put([]byte("\n"))
	}
	if err != nil {
		b.abort()
		return err
	}
	return b.Close()
}

// readRange is what a read of a range asks for.
type readRange struct {
	after, before uint64 // exclusive; before 0: none
	limit         uint64
	types         []string // nil: all
}

func (p params) readRange() (r readRange, err error) {
	if r.after, err = p.offset("after", 0, 0); err != nil {
		return r, err
	}
	if r.before, err = p.offset("before", 1, 0); err != nil {
		return r, err
	}
	if r.limit, err = p.offset("limit", 1, defaultReadEvents); err != nil {
		return r, err
	}
	if r.limit > maxReadEvents {
		return r, invalidParam("limit", fmt.Sprintf("is over %d: read page by page, with after", maxReadEvents))
	}
	r.types, err = p.types("types")
	return r, err
}

// end is the offset up to which the range goes in a log that ends at max. It is settled when that can not become more:
// then the answer is always the same.
func (r readRange) end(max uint64) (end uint64, settled bool) {
	end = max
	if r.before != 0 && r.before-1 <= end {
		end, settled = r.before-1, true
	}
	if r.types == nil && end > r.after && end-r.after >= r.limit {
		end, settled = r.after+r.limit, true
	}
	return end, settled
}

// readRange answers with the events of a range. All of the answer is of one incarnation, as it was at one moment.
func (s *Server) readRange(c echo.Context, streams *access.Streams, name millpond.Name, r readRange, incarnation string) error {
	at, err := s.locate(c, streams, name, incarnation)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	end, settled := r.end(at.Offset)
	hash := at.Hash
	if end != at.Offset {
		if hash, err = streams.HashAt(ctx, name, at.Incarnation, end); err != nil {
			return err
		}
	}
	setCacheControl(c, settled && incarnation != "")
	if notModified(c, validator(hash, at.Incarnation, r.after, end, r.limit, r.types)) {
		return nil
	}
	if c.Request().Method == http.MethodHead {
		c.Response().Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
		return c.NoContent(http.StatusOK)
	}
	b := s.newBody(c)
	opts := stream.ReadOptions{After: r.after, Before: end + 1, Types: r.types, Incarnation: at.Incarnation, LeaveLarge: true}
	if err := writeRange(ctx, b, streams, name, opts, int(r.limit)); err != nil {
		b.abort()
		return err
	}
	return b.Close()
}

// writeRange writes a JSON array as it is read, chunk by chunk: a thousand of the largest events would not fit in memory
// for many readers at once.
func writeRange(ctx context.Context, b *body, streams *access.Streams, name millpond.Name, opts stream.ReadOptions, limit int) error {
	var out []byte
	written := 0
	for written < limit {
		opts.Limit = min(limit-written, readChunkEvents)
		events, err := streams.Read(ctx, name, opts)
		var is *stream.LargeError
		if errors.As(err, &is) {
			err = b.put([]byte{separator(written)})
			if err == nil {
				err = (&largeEvent{streams, name, opts.Incarnation, is}).write(ctx, b.put)
			}
			opts.After = is.Offset
			written++
			if err == nil {
				continue
			}
		}
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
		if _, err := b.Write(out); err != nil {
			return err
		}
	}
	end := "]\n"
	if written == 0 {
		end = "[]\n"
	}
	_, err := b.Write([]byte(end))
	return err
}

func separator(written int) byte {
	if written == 0 {
		return '['
	}
	return ','
}
