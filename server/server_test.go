package server

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "Data") {
		t.Errorf("without a log: %v", err)
	}
	taken := t.TempDir()
	first := start(t, Options{Data: taken})
	if _, err := New(Options{Data: taken}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second server on the same data: %v", err)
	}
	first.close(t)
	start(t, Options{Data: taken}) // the first has let it go
}

// Mounted, the routes behave the same, and leave the others to their owner.
func TestMount(t *testing.T) {
	ts := start(t, Options{UI: testUI})
	e := echo.New()
	e.HTTPErrorHandler = func(error, echo.Context) { t.Error("an error reached the owner's handler") }
	e.GET("/own", func(c echo.Context) error { return c.String(200, "own") })
	ts.server.Mount(e)
	get := func(method, target string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		e.ServeHTTP(rec, httptest.NewRequest(method, target, strings.NewReader(`{"type":"a"}`)))
		return rec
	}
	for _, test := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"POST", "/api/streams/default/x", 200, `"offset":3`},
		{"GET", "/api/streams/default/x", 200, `"offset":3`},
		{"GET", "/api/streams/default/none", 404, string(millpond.NotFound)},
		{"PUT", "/api/streams/default/x", 405, string(millpond.MethodNotAllowed)},
		{"GET", "/own", 200, "own"},
		{"GET", "/", 200, "<!doctype html>"},
		{"GET", "/nowhere", 404, string(millpond.NotFound)},
	} {
		if rec := get(test.method, test.target); rec.Code != test.status || !strings.Contains(rec.Body.String(), test.body) {
			t.Errorf("%s %s: %d %s", test.method, test.target, rec.Code, rec.Body)
		}
	}
}

func TestServe(t *testing.T) {
	ts := start(t, Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving := make(chan error, 1)
	go func() { serving <- ts.server.Serve(l) }()
	res, err := ts.Client().Get("http://" + l.Addr().String() + "/healthz")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", res, err)
	}
	res.Body.Close()
	ts.close(t)
	if err := <-serving; err != nil {
		t.Errorf("Serve returned %v after Close", err)
	}
	if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := ts.server.Serve(l); err != nil {
		t.Errorf("Serve returned %v on a closed server", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener of a closed server: %v", err)
	}
	ts.close(t) // again
}
