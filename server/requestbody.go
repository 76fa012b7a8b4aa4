package server

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
)

// budget bounds the bytes that the large bodies of all requests hold in memory at a time.
type budget struct{ used atomic.Int64 }

func (b *budget) take(bytes int) bool {
	if b.used.Add(int64(bytes)) <= maxBodiesBytes {
		return true
	}
	b.give(bytes)
	return false
}

func (b *budget) give(bytes int) { b.used.Add(-int64(bytes)) }

// requestBody reads the body of a request. Its memory grows with what has arrived, not with what was announced: up to
// smallBodyBytes for itself, and beyond from the budget.
type requestBody struct {
	budget *budget // nil: none is needed for bodies so small
	limit  int64
	taken  int
}

var errBodies = &millpond.Error{Code: millpond.Unavailable,
	Message: "the server holds as many large requests as it can: nothing was appended; try again in a moment"}

func (b *requestBody) read(c echo.Context) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > b.limit {
		return nil, bodyTooLarge(r.ContentLength, b.limit)
	}
	// With net/http's own writer: that closes the connection then, where Echo's would wait for more of the body.
	body := http.MaxBytesReader(c.Response().Writer, r.Body, b.limit)
	size := int64(firstBodyBytes)
	if r.ContentLength >= 0 {
		size = min(r.ContentLength, smallBodyBytes) + 1 // one more, to see the end
	}
	buf := make([]byte, 0, size)
	for {
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		var tooLarge *http.MaxBytesError
		switch {
		case err == io.EOF && r.ContentLength >= 0 && int64(len(buf)) < r.ContentLength:
			fallthrough
		case err != nil && err != io.EOF && !errors.As(err, &tooLarge):
			return nil, &millpond.Error{Code: millpond.InvalidRequest, Message: "the body could not be read: it ended early, or took too long"}
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, err
		}
		if len(buf) == cap(buf) {
			if buf, err = b.grow(buf, r.ContentLength); err != nil {
				return nil, err
			}
		}
	}
}

// grow doubles the buffer, at most to what is to come.
func (b *requestBody) grow(buf []byte, contentLength int64) ([]byte, error) {
	size := int64(2 * cap(buf))
	if contentLength >= 0 {
		size = min(size, contentLength+1)
	}
	if size > smallBodyBytes+1 && b.budget != nil {
		more := int(size) - b.taken
		if !b.budget.take(more) {
			return nil, errBodies
		}
		b.taken += more
	}
	return append(make([]byte, 0, size), buf...), nil
}

// release gives back what was taken from the budget: when the body, and what was made of it, is not in use any more.
func (b *requestBody) release() {
	if b.taken > 0 {
		b.budget.give(b.taken)
		b.taken = 0
	}
}
