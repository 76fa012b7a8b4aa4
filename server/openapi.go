package server

import (
	_ "embed"
	"net/http"

	"github.com/labstack/echo/v4"
)

// openapi describes the routes, for programs. A test compares it with the routes and with every answer that the tests get.
//
//go:embed openapi.yaml
var openapi []byte

// serveOpenAPI is GET /api/openapi.yaml.
func (s *Server) serveOpenAPI(c echo.Context) error {
	if _, err := parseParams(c.Request()); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-cache")
	if notModified(c, validator(0, string(openapi))) {
		return nil
	}
	return c.Blob(http.StatusOK, "application/yaml", openapi) // RFC 9512
}
