package server

import (
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"
)

// encoder compresses what is written to it.
type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

// The levels are those that compress JSON events nearly as well as any, and several times as fast.
const (
	brotliLevel = 2
	gzipLevel   = 2
)

// encoders are kept for the next response: their tables are large.
var encoders = map[string]*sync.Pool{
	"br": {New: func() any { return brotli.NewWriterV2(nil, brotliLevel) }},
	"gzip": {New: func() any {
		w, err := gzip.NewWriterLevel(nil, gzipLevel)
		if err != nil {
			panic(err) // the level is a valid one
		}
		return w
	}},
}

// body is the body of a JSON answer with status 200, written bit by bit. It is compressed when the client takes that and
// there is enough of it. The header goes out once that is known, so a handler that fails early can still send a problem.
// Close it, or abort.
type body struct {
	server    *Server
	c         echo.Context
	held      []byte // as long as it is not known whether to compress
	out       io.Writer
	enc       encoder // nil: not compressed
	coding    string
	unflushed int
}

func (s *Server) newBody(c echo.Context) *body { return &body{server: s, c: c} }

// put is Write.
func (b *body) put(text []byte) error {
	_, err := b.Write(text)
	return err
}

// writeJSON answers with JSON that is all there.
func (s *Server) writeJSON(c echo.Context, text []byte) error {
	b := s.newBody(c)
	if _, err := b.Write(text); err != nil {
		b.abort()
		return err
	}
	return b.Close()
}

func (b *body) Write(p []byte) (int, error) {
	if b.out == nil {
		if b.held = append(b.held, p...); len(b.held) < minCompressBytes {
			return len(p), nil
		}
		b.begin(b.server.coding(b.c))
		held := b.held
		b.held = nil
		_, err := b.write(held)
		return len(p), err
	}
	return b.write(p)
}

// write also flushes, so that who reads a long answer has what there is while the rest is made.
func (b *body) write(p []byte) (int, error) {
	n, err := b.out.Write(p)
	b.unflushed += n
	if err == nil && b.unflushed >= flushBytes {
		b.unflushed = 0
		if z, ok := b.enc.(*gzip.Writer); ok { // brotli's writer keeps back no more than a block of 64 KiB
			err = z.Flush()
		}
		if err == nil {
			http.NewResponseController(b.c.Response().Writer).Flush() // one that cannot be flushed arrives later
		}
	}
	return n, err
}

// begin sends the header.
func (b *body) begin(coding string) {
	w := b.c.Response()
	h := w.Header()
	h.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	b.coding, b.out = coding, w
	if coding != "" {
		h.Set(echo.HeaderContentEncoding, coding)
		if tag := h.Get("ETag"); tag != "" {
			h.Set("ETag", codedTag(tag, coding))
		}
	}
	w.WriteHeader(http.StatusOK)
	if coding != "" && b.c.Request().Method != http.MethodHead {
		b.enc = encoders[coding].Get().(encoder)
		b.enc.Reset(w)
		b.out = b.enc
	}
}

func (b *body) Close() error {
	if b.out == nil {
		b.c.Response().Header().Set(echo.HeaderContentLength, strconv.Itoa(len(b.held)))
		b.begin("")
		_, err := b.out.Write(b.held)
		return err
	}
	var err error
	if b.enc != nil {
		err = b.enc.Close()
	}
	b.abort()
	return err
}

// abort lets go of what the body holds, without an end for the client to see.
func (b *body) abort() {
	if b.coding == "" {
		return
	}
	if b.enc != nil {
		b.enc.Reset(io.Discard)
		encoders[b.coding].Put(b.enc)
		b.enc = nil
	}
	b.coding = ""
	<-b.server.compressing
}

// coding is how to compress an answer: "" when the client does not take it, or too many are being compressed. What is
// not "" gives back its place in compressing later.
func (s *Server) coding(c echo.Context) string {
	accept := c.Request().Header.Get(echo.HeaderAcceptEncoding)
	best, bestQ := "", 0.0
	for _, e := range encodings {
		if q := quality(accept, e.name); q > bestQ {
			best, bestQ = e.name, q
		}
	}
	if best == "" {
		return ""
	}
	select {
	case s.compressing <- struct{}{}:
		return best
	default:
		return ""
	}
}
