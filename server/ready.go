package server

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
)

var errCommitsFail = &millpond.Error{Code: millpond.Unavailable, Message: "the server cannot write its log at the moment: its own log says why"}
var errCommitStuck = &millpond.Error{Code: millpond.Unavailable, Message: "the server's disk does not answer: appends wait for it"}

// serveReady is GET /readyz: whether the server is able to do its work. A failed commit counts for a while only: without
// appends there would be none that could succeed.
func (s *Server) serveReady(c echo.Context) error {
	if _, err := parseParams(c.Request()); err != nil {
		return err
	}
	switch {
	case s.clients.isDraining():
		return errShuttingDown
	case s.look.engine.Failing(time.Now().Add(-notReadyAfterFailure)):
		return errCommitsFail
	case s.look.engine.Stuck():
		return errCommitStuck
	}
	return c.JSON(http.StatusOK, map[string]string{"status": "ready"})
}

// MetricsHandler serves the metrics, in the formats of Prometheus. Nil when Options.Registerer is given: then they are
// where the program has its others.
func (s *Server) MetricsHandler() http.Handler { return s.metrics.handler }

func (s *Server) serveMetrics(c echo.Context) error {
	s.metrics.handler.ServeHTTP(c.Response(), c.Request())
	return nil
}
