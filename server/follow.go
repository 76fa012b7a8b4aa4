package server

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/stream"
)

// follower is a response that follows a stream, as server-sent events. It holds a cursor and what is being written; a
// client that does not read is waited for in the write, for sendTimeout.
type follower struct {
	server  *Server
	streams *access.Streams
	name    millpond.Name
	types   []string
	out     eventWriter

	ctx    context.Context // of the request, and of what the identity has open
	cancel context.CancelCauseFunc

	from    stream.SubscribeOptions // where to begin, and to go on
	at      millpond.Position       // of what was sent, or left out
	large   millpond.RecordJSON     // of the event that is sent in parts
	inLarge bool                    // it is being sent: nothing else may be, in between
	started bool                    // the client knows where it has begun
	told    uint64                  // offset of the last id that was sent
}

// serveFollow is serveRead with live=sse: what follows the id in Last-Event-ID, or in after, or what is new; and then
// what comes.
func (s *Server) serveFollow(c echo.Context, streams *access.Streams, name millpond.Name, p params) error {
	for param := range p {
		if !slices.Contains([]string{"live", "after", "types"}, param) {
			return invalidParam(param, "does not go with live: use after, types")
		}
	}
	if p["live"] != "sse" {
		return invalidParam("live", `must be "sse"`)
	}
	f := &follower{server: s, streams: streams, name: name}
	var err error
	if f.types, err = p.types("types"); err != nil {
		return err
	}
	if err := f.startAt(c.Request(), p); err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead {
		setFollowHeader(c.Response().Header())
		return c.NoContent(http.StatusOK)
	}
	if err := s.clients.enter(); err != nil {
		return err
	}
	defer s.clients.exit()
	return f.run(c)
}

// startAt reads where the client wants to go on.
func (f *follower) startAt(r *http.Request, p params) error {
	field, text := "Last-Event-ID", r.Header.Get("Last-Event-ID")
	if text == "" {
		field, text = "after", p["after"]
	}
	f.from.Types = f.types
	if _, ok := p["after"]; text == "" && !ok {
		return nil
	}
	id, err := parseEventID(field, text)
	if err != nil {
		return err
	}
	f.from.After, f.from.Incarnation, f.from.Hash = &id.offset, id.incarnation, id.hash
	return nil
}

// run follows until the client or the server has had enough.
func (f *follower) run(c echo.Context) error {
	ctx, stop, err := f.streams.Last(c.Request().Context())
	if err != nil {
		return err
	}
	defer stop()
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	defer f.cancel(nil)
	f.out.init(c.Response())
	if !f.server.clients.join(f) {
		return errShuttingDown
	}
	defer f.server.clients.part(f)
	cursor, err := f.streams.Subscribe(f.ctx, f.name, f.from)
	if err != nil {
		return err
	}
	request, start := c.Response().Header().Get(requestIDHeader), time.Now()
	f.server.log.Info("follower connected", "request", request, "remote", c.Request().RemoteAddr,
		"identity", clip(f.streams.Identity().Subject), "stream", f.name.String())
	setFollowHeader(c.Response().Header())
	c.Response().WriteHeader(http.StatusOK)
	for err == nil {
		if err = f.follow(cursor); f.inLarge || !resumable(err) {
			break
		}
		// The stream was reset, or dropped from memory: the same response goes on, and says what that means for the client.
		at := f.at
		f.from.After, f.from.Incarnation, f.from.Hash = &at.Offset, at.Incarnation, &at.Hash
		cursor, err = f.streams.Subscribe(f.ctx, f.name, f.from)
	}
	f.server.log.Info("follower disconnected", "request", request, "reason", clip(f.end(err, request)), "after", time.Since(start))
	return nil
}

func setFollowHeader(h http.Header) {
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set(echo.HeaderCacheControl, "no-store, no-transform") // no-transform: nobody may compress, and so delay, events
	h.Set("X-Accel-Buffering", "no")                         // the same for nginx
}

// retryAfter is after how long a client comes back: not all at once.
func retryAfter() time.Duration { return minRetryAfter + mathrand.N(maxRetryAfter-minRetryAfter) }

// resumable reports whether a subscription has ended in a way that another one takes its place.
func resumable(err error) bool {
	var end *stream.EndError
	return errors.As(err, &end) && (end.Reason == millpond.EndReset || end.Reason == millpond.EndKilled)
}

// follow writes what the cursor reads, until one of them fails.
func (f *follower) follow(cursor *access.Subscription) error {
	defer cursor.Close()
	f.server.metrics.began(cursor.Start())
	err := f.begin(cursor.Start())
	for err == nil {
		var piece stream.Piece
		if piece, err = f.next(cursor); err == nil {
			err = f.write(&piece)
		}
	}
	return err
}

// begin tells the client where the cursor begins, when that is news: it sends the event rebuild or resume, which are as the
// messages of the protocol.
func (f *follower) begin(start stream.Start) error {
	if !f.started {
		f.out.retry(retryAfter())
	}
	f.at = millpond.Position{Incarnation: start.Incarnation, Offset: start.After, Hash: start.Hash}
	f.out.id(f.at)
	switch {
	case start.Rebuild != "":
		f.out.named("rebuild", struct {
			Reason      millpond.RebuildReason `json:"reason"`
			Incarnation millpond.Incarnation   `json:"incarnation"`
			MaxOffset   uint64                 `json:"maxOffset"`
		}{start.Rebuild, start.Incarnation, start.MaxOffset})
	case !f.started:
		f.out.named("resume", struct {
			Incarnation millpond.Incarnation `json:"incarnation"`
			After       uint64               `json:"after"`
			Hash        millpond.Hash        `json:"hash"`
			MaxOffset   uint64               `json:"maxOffset"`
		}{start.Incarnation, start.After, start.Hash, start.MaxOffset})
	default: // it is an id alone
		f.out.end()
	}
	f.started, f.told = true, f.at.Offset
	return f.out.flush()
}

// next is the cursor's next piece. It lets no time go by in silence.
func (f *follower) next(cursor *access.Subscription) (stream.Piece, error) {
	for {
		if f.inLarge {
			return cursor.NextPiece(f.ctx, targetFrameBytes)
		}
		ctx, cancel := context.WithDeadline(f.ctx, f.out.written.Add(heartbeatInterval))
		piece, err := cursor.NextPiece(ctx, targetFrameBytes)
		cancel()
		if err == nil || f.ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return piece, err
		}
		if err := f.beat(); err != nil {
			return piece, err
		}
	}
}

// beat sends something that is no event: how far the client has got, if that is news.
func (f *follower) beat() error {
	if f.at.Offset != f.told {
		f.checkpoint()
	} else {
		f.out.comment()
	}
	return f.out.flush()
}

// write writes a batch's events, each with its position as the id, or a part of one.
func (f *follower) write(p *stream.Piece) error {
	switch {
	case p.Part != nil:
		if p.Part.Start == 0 {
			f.large, f.inLarge = millpond.RecordJSON{}, true
		}
		text, err := f.large.Append(nil, p.Part.Bytes)
		if err == nil {
			f.out.text(text)
			err = f.out.flush()
		}
		return err
	case p.Assembled:
		text, err := f.large.End(nil)
		if err != nil {
			return err
		}
		f.at.Offset, f.at.Hash, f.told = p.LastOffset, p.Hash, p.LastOffset
		f.inLarge = false
		f.out.text(text)
		f.out.endText(f.at)
		return f.out.flush()
	}
	return f.writeBatch(&p.Batch)
}

// frames are buffers for what is being written.
var frames = sync.Pool{New: func() any { return new([]byte) }}

// writeBatch writes a batch's events. The hash in the id is known for every event when none is left out.
func (f *follower) writeBatch(b *millpond.Batch) error {
	buf := frames.Get().(*[]byte)
	f.out.buf = (*buf)[:0]
	defer func() {
		*buf, f.out.buf = f.out.buf, nil
		frames.Put(buf)
	}()
	hash := f.at.Hash
	err := eachRecord(b.Records, func(record []byte, e *millpond.Event) error {
		var at *millpond.Hash
		if len(f.types) == 0 {
			hash = hash.Next(record)
			at = &hash
		}
		f.told = e.Offset
		return f.out.event(e, f.at.Incarnation, at)
	})
	if err != nil {
		return err
	}
	f.at.Offset, f.at.Hash = b.LastOffset, b.Hash
	if f.at.Offset-f.told >= checkpointEvents || time.Since(f.out.written) >= heartbeatInterval {
		f.checkpoint()
	}
	return f.out.flush()
}

// checkpoint moves the client's position without an event.
func (f *follower) checkpoint() {
	f.out.position(f.at)
	f.told = f.at.Offset
}

// end tells the client why nothing follows, if it is there to hear it, and returns that for the log.
func (f *follower) end(err error, request string) string {
	if cause := context.Cause(f.ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, errWrite) || f.inLarge { // a client drops an event that does not end, and comes back
		return err.Error()
	}
	e := access.Ended(f.ctx)
	if e == nil {
		if errors.Is(err, context.Canceled) {
			return "closed by the client"
		}
		e = f.server.asError(err, "request", request)
	}
	f.server.metrics.refused(e.Code)
	delay := retryAfter()
	f.out.named("goaway", struct {
		Code         millpond.ErrorCode `json:"code"`
		Reason       string             `json:"reason"`
		RetryAfterMs int64              `json:"retryAfterMs"`
	}{e.Code, e.Message, delay.Milliseconds()})
	f.out.retry(delay)
	if f.out.flush() != nil {
		return e.Error() + " (the client does not read)"
	}
	return e.Error()
}

// leave ends the response, soon also when the client does not read.
func (f *follower) leave() {
	f.cancel(errShuttingDown)
	f.out.hurry(leaveTimeout)
}

func (f *follower) cut() { f.out.hurry(0) }

func (f *follower) counts() (string, *transfer) { return overSSE, &f.out.transfer }
