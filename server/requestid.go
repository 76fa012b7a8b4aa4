package server

import (
	"crypto/rand"
	"strings"

	"github.com/labstack/echo/v4"
)

// requestIDHeader carries the name of a request through proxies, answers and logs.
const requestIDHeader = echo.HeaderXRequestID

// requestID is the request's own id when it is sane, and a new one otherwise. What is not sane could forge a line of a log.
func requestID(c echo.Context) string {
	id := c.Request().Header.Get(requestIDHeader)
	if id == "" || len(id) > maxRequestIDBytes || strings.ContainsFunc(id, notInID) {
		return rand.Text()[:16]
	}
	return id
}

func notInID(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:/+=", r))
}
