package server

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
)

// The headers of a read that say which log it is of, and how far that goes.
const (
	incarnationHeader = "Millpond-Incarnation"
	maxOffsetHeader   = "Millpond-Max-Offset"
)

// Cache-Control of a read. A URL without an incarnation may mean another log at any time, so a cache has to ask.
const (
	revalidate = "private, no-cache"
	immutable  = "private, max-age=31536000, immutable"
)

// setCacheControl says for how long the answer may be kept: for ever when the URL can mean nothing else.
func setCacheControl(c echo.Context, settled bool) {
	value := revalidate
	if settled {
		value = immutable
	}
	c.Response().Header().Set(echo.HeaderCacheControl, value)
}

// validator makes a strong ETag of what determines an answer's bytes, before they are read: the log's hash where the
// answer ends, and the question.
func validator(hash millpond.Hash, question ...any) string {
	d := xxhash.New()
	for _, part := range question {
		fmt.Fprintf(d, "%v\x00", part)
	}
	return fmt.Sprintf(`"%v-%016x"`, hash, d.Sum64())
}

// codedTag is the ETag of the compressed answer: other bytes, so another tag.
func codedTag(tag, coding string) string { return strings.TrimSuffix(tag, `"`) + "-" + coding + `"` }

// notModified sets the ETag and, when the client has that answer already, compressed or not, answers so.
func notModified(c echo.Context, tag string) bool {
	h := c.Response().Header()
	h.Set("ETag", tag)
	for _, value := range c.Request().Header.Values("If-None-Match") {
		for candidate := range strings.SplitSeq(value, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			switch candidate {
			case "*", tag:
			case codedTag(tag, "br"), codedTag(tag, "gzip"):
				h.Set("ETag", candidate)
			default:
				continue
			}
			h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
			c.NoContent(http.StatusNotModified)
			return true
		}
	}
	return false
}
