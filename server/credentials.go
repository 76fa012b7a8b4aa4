package server

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// as makes a handler of one that uses the streams. It is the one place where a request is given them: as those of who
// sends it.
func (s *Server) as(h func(echo.Context, *access.Streams) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		credentials, err := s.credentials(r, "")
		if err != nil {
			return err
		}
		streams, err := s.gate.Authenticate(r.Context(), credentials)
		if err != nil {
			return err
		}
		return h(c, streams)
	}
}

// credentials are those of a request, or of a websocket with its handshake and the token of its hello.
func (s *Server) credentials(r *http.Request, hello string) (access.Credentials, error) {
	c := access.Credentials{Request: r}
	if c.Token = hello; c.Token != "" {
		c.Source = access.FromHello
		return c, nil
	}
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return c, &millpond.Error{Code: millpond.Unauthenticated, Field: "Authorization", Message: "is there twice"}
	}
	for _, header := range headers { // of another scheme than Bearer it may be for a proxy
		scheme, token, _ := strings.Cut(header, " ")
		if c.Token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") && c.Token != "" {
			c.Source = access.FromHeader
			return c, nil
		}
	}
	c.Token = ""
	if s.cookie == "" {
		return c, nil
	}
	cookies := r.CookiesNamed(s.cookie)
	switch {
	case len(cookies) == 0 || cookies[0].Value == "":
		return c, nil
	case len(cookies) > 1: // one of them may have been set by another host of the same domain
		return c, &millpond.Error{Code: millpond.Unauthenticated, Field: "Cookie", Message: "the cookie " + s.cookie + " is there twice"}
	}
	c.Token, c.Source = cookies[0].Value, access.FromCookie
	return c, s.guard.checkCookie(r)
}
