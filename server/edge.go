package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
)

// Content security policies. The UI's is also on the worker's script: workers have the policy of their own response.
const (
	uiPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; " +
		"style-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'"
	apiPolicy = "default-src 'none'; frame-ancestors 'none'"
)

// methods are the handlers of a route by HTTP method. GET serves HEAD, too.
type methods map[string]echo.HandlerFunc

func (m methods) serve(c echo.Context) error {
	method := c.Request().Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h, ok := m[method]; ok {
		return h(c)
	}
	var allowed []string
	for method := range m {
		allowed = append(allowed, method)
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	c.Response().Header().Set("Allow", allow)
	return &millpond.Error{Code: millpond.MethodNotAllowed, Message: "this route takes " + allow}
}

// api wraps the handler of an API route.
func (s *Server) api(h echo.HandlerFunc) echo.HandlerFunc {
	return s.edge(apiPolicy, func(c echo.Context) error {
		if err := s.guard.checkOrigin(c.Request()); err != nil {
			return err
		}
		if s.guard.cors(c) {
			return c.NoContent(http.StatusNoContent)
		}
		c.Response().Header().Set("Cache-Control", "no-store")
		return h(c)
	})
}

// socket wraps the handler of the websocket, which checks origins by rules of its own.
func (s *Server) socket(h echo.HandlerFunc) echo.HandlerFunc { return s.edge(apiPolicy, h) }

// edge is around every handler: it sets the headers that every response has, and turns errors and panics into problems.
// So it works in any Echo server, whatever that does with errors.
func (s *Server) edge(policy string, h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start, id := time.Now(), requestID(c)
		defer s.finish(c, id, start)
		header := c.Response().Header()
		header.Set(requestIDHeader, id)
		header.Set("Content-Security-Policy", policy)
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		err := s.guard.checkHost(c.Request())
		if err == nil {
			err = s.recovering(c, h)
		}
		if err == nil {
			return nil
		}
		e := s.asError(err, "request", id)
		s.metrics.refused(e.Code)
		if c.Response().Committed {
			panic(http.ErrAbortHandler) // half an answer is sent: the client must not take it for a whole one
		}
		return writeProblem(c, e)
	}
}

// finish counts a request that is over, and logs it for who looks for a fault.
func (s *Server) finish(c echo.Context, id string, start time.Time) {
	r := c.Request()
	s.metrics.answered(c.Path(), c.Response().Status, r.ContentLength, c.Response().Size)
	if !s.log.Enabled(r.Context(), slog.LevelDebug) {
		return
	}
	res := c.Response()
	s.log.Debug("request", "request", id, "method", clip(r.Method), "path", clip(r.URL.Path), "remote", r.RemoteAddr,
		"status", res.Status, "bytes", res.Size, "after", time.Since(start))
}

// recovering calls h. A panic becomes an error, with the stack for the log.
func (s *Server) recovering(c echo.Context, h echo.HandlerFunc) (err error) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			panic(p)
		} else if p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return h(c)
}

func noRoute(c echo.Context) error {
	return &millpond.Error{Code: millpond.NotFound, Message: "there is nothing at " + clip(c.Request().URL.Path) +
		": streams are at /api/streams/{namespace}/{path}"}
}
