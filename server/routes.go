package server

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// route is what the server answers below one pattern. The list of routes is all that can be reached from outside;
// openapi.yaml describes it, and a test compares the two.
type route struct {
	pattern string   // Echo's
	paths   []string // the same as openapi.yaml writes it; none: nothing is there
	methods methods
	wrap    func(echo.HandlerFunc) echo.HandlerFunc
}

// routes are those of the API.
func (s *Server) routes() []route {
	stream := func(prefix string) []string { return []string{prefix + "/{namespace}", prefix + "/{namespace}/{path}"} }
	routes := []route{
		{"/api/streams/*", stream("/api/streams"), methods{http.MethodGet: s.as(s.serveRead), http.MethodPost: s.as(s.serveAppend)}, s.api},
		{"/api/state/*", stream("/api/state"), methods{http.MethodGet: s.as(s.serveState)}, s.api},
		{"/api/reduce/*", stream("/api/reduce"), methods{http.MethodPost: s.as(s.serveReduce)}, s.api},
		{"/api/control/*", stream("/api/control"), methods{http.MethodPost: s.as(s.serveControl)}, s.api},
		{"/api/ws", []string{"/api/ws"}, methods{http.MethodGet: s.serveWebsocket}, s.socket},
		{"/api/openapi.yaml", []string{"/api/openapi.yaml"}, methods{http.MethodGet: s.serveOpenAPI}, s.api},
		{"/healthz", []string{"/healthz"}, methods{http.MethodGet: s.serveHealth}, s.api},
		{"/readyz", []string{"/readyz"}, methods{http.MethodGet: s.serveReady}, s.api},
		{"/api", nil, nil, s.api},
		{"/api/*", nil, nil, s.api},
	}
	if s.publicMetrics {
		routes = append(routes, route{"/metrics", []string{"/metrics"}, methods{http.MethodGet: s.serveMetrics}, s.api})
	}
	return routes
}

// Mount adds the routes to an Echo server of the caller's: /api, /healthz, /readyz, and, when Options.UI is given, the UI at every
// path that has no route of its own.
func (s *Server) Mount(e *echo.Echo) {
	for _, r := range s.routes() {
		serve := r.methods.serve
		if r.methods == nil {
			serve = noRoute
		}
		mount(e, r.pattern, r.wrap(serve))
	}
	if s.ui != nil {
		mount(e, "/*", s.edge(uiPolicy, methods{http.MethodGet: s.ui.serve}.serve))
	}
}

// mount gives all methods of a path to one handler, also those that Echo does not know.
func mount(e *echo.Echo, pattern string, h echo.HandlerFunc) {
	e.Any(pattern, h)
	e.RouteNotFound(pattern, h)
}
