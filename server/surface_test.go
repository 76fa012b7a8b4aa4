package server

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
)

// surface is all that can be reached from outside. What is new belongs here only after somebody has thought about who may
// do it: see TestUsesAreAll, which asks for its actions.
var surface = struct{ routes, messages, actions, types []string }{
	routes: []string{
		"GET /api/openapi.yaml", "GET /api/state/*", "GET /api/streams/*", "GET /api/ws", "GET /healthz", "GET /readyz",
		"POST /api/control/*", "POST /api/reduce/*", "POST /api/streams/*",
	},
	messages: []string{"Append", "Credit", "Hello", "Ping", "Pong", "Subscribe", "Unsubscribe"},
	actions:  []string{"kill", "reset"},
	types: []string{
		"stream/configured", "stream/metadata-updated", "stream/paused", "stream/resumed", "stream/subscription-configured",
	},
}

// S17: the routes and their methods are those of the allowlist; all else is not there. It asks a real router, so that it
// sees what was mounted, not what was meant to be.
func TestSurfaceRoutes(t *testing.T) {
	ts := start(t, Options{})
	e := echo.New()
	ts.server.Mount(e)
	var got []string
	for _, route := range ts.server.routes() {
		for method := range route.methods {
			got = append(got, method+" "+route.pattern)
		}
	}
	if slices.Sort(got); !slices.Equal(got, surface.routes) {
		t.Errorf("routes:\ngot  %q\nwant %q", got, surface.routes)
	}
	patterns := map[string]bool{"/api": true, "/api/*": true} // nothing is there
	for _, route := range surface.routes {
		patterns[strings.Fields(route)[1]] = true
	}
	for _, route := range e.Routes() {
		if !patterns[route.Path] {
			t.Errorf("%s %s is mounted", route.Method, route.Path)
		}
	}
	// Every method, at every pattern and beside it: what is not listed is refused.
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PROPFIND", "REPORT", "BREW"}
	paths := []string{"/api/nothing", "/api/events/x", "/metrics", "/debug/pprof/", "/admin", "/.env", "/v1/stream/x", "/api/store/x", "/api/checkpoint/x"}
	for pattern := range patterns {
		paths = append(paths, strings.Replace(pattern, "*", "default/x", 1))
	}
	for _, path := range paths {
		for _, method := range methods {
			listed := slices.ContainsFunc(surface.routes, func(route string) bool {
				m, pattern, _ := strings.Cut(route, " ")
				return m == method && strings.HasPrefix(path, strings.TrimSuffix(pattern, "*"))
			})
			if method == http.MethodConnect || listed {
				continue // a CONNECT is no request to the server itself
			}
			if res := ts.do(t, method, path, ""); res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s is answered with %d", method, path, res.StatusCode)
			}
		}
	}
}

// S17: of the messages, the websocket takes those of the allowlist; the others of the protocol, which are the server's own, it
// refuses. Which ones the code looks at is read from its text.
func TestSurfaceMessages(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "client.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	ast.Inspect(file, func(n ast.Node) bool {
		fn, ok := n.(*ast.FuncDecl)
		if !ok || fn.Name.Name != "handle" {
			return true
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			if c, ok := n.(*ast.CaseClause); ok {
				for _, kind := range c.List {
					got = append(got, kind.(*ast.StarExpr).X.(*ast.SelectorExpr).Sel.Name)
				}
			}
			return true
		})
		return false
	})
	if slices.Sort(got); !slices.Equal(got, surface.messages) {
		t.Errorf("messages:\ngot  %q\nwant %q", got, surface.messages)
	}
	for _, msg := range []millpond.Message{&millpond.Welcome{}, &millpond.Resume{}, &millpond.Rebuild{}, &millpond.Unsubscribed{},
		&millpond.Appended{}, &millpond.BatchMessage{}, &millpond.Goaway{}, &millpond.ErrorMessage{}, &millpond.Hello{}} {
		t.Run(fmt.Sprintf("%T", msg), func(t *testing.T) {
			ts := start(t, Options{})
			p := ts.connect(t, millpond.Subprotocol)
			p.send(msg)
			if e, ok := p.next().(*millpond.ErrorMessage); !ok || e.Code != millpond.InvalidRequest {
				t.Errorf("answered with %+v", e)
			}
		})
	}
}

// S17: the control actions and the system's event types that clients may use are those of the allowlist.
func TestSurfaceActionsAndTypes(t *testing.T) {
	ts := start(t, Options{})
	ts.do(t, "POST", "/api/streams/default/x", `{"type":"a"}`)
	for _, action := range append([]string{"", "Kill", "resume", "wake", "evict", "sweep", "load", "save", "close", "delete", "pause"}, surface.actions...) {
		res := ts.do(t, "POST", "/api/control/default/x", fmt.Sprintf(`{"action":%q}`, action))
		if allowed := slices.Contains(surface.actions, action); allowed != (res.StatusCode == http.StatusOK) {
			t.Errorf("the action %q is answered with %d", action, res.StatusCode)
		}
	}
	if got := slices.Sorted(slices.Values(millpond.ClientTypes())); !slices.Equal(got, surface.types) {
		t.Errorf("types:\ngot  %q\nwant %q", got, surface.types)
	}
	for _, eventType := range coreTypes(t) {
		in := millpond.Input{Type: eventType}
		refused := in.ValidateClient() != nil && strings.Contains(in.ValidateClient().Error(), "belongs to the system")
		if refused == slices.Contains(surface.types, eventType) {
			t.Errorf("a client may append %q: %v", eventType, !refused)
		}
	}
}

// coreTypes are the constants Type… of the root package, read from its text, so that none is forgotten.
func coreTypes(t *testing.T) (types []string) {
	t.Helper()
	for _, name := range []string{"../core.go", "../outbound.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Type") {
				types = append(types, "stream/"+strings.Trim(v.Values[0].(*ast.BinaryExpr).Y.(*ast.BasicLit).Value, `"`))
			}
			return true
		})
	}
	if len(types) < 12 {
		t.Fatalf("only %d core types found", len(types))
	}
	return append(types, "stream/", "stream/anything")
}
