package server

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// serveHealth is GET /healthz: the process is alive and answers.
func (s *Server) serveHealth(c echo.Context) error {
	if _, err := parseParams(c.Request()); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"status": "ok", "version": s.version})
}
