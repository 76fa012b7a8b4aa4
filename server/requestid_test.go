package server

import (
	"log/slog"
	"strings"
	"testing"
)

// A request keeps the id that it brings, unless that could harm a log; others get one of their own.
func TestRequestID(t *testing.T) {
	ts := start(t, Options{})
	seen := map[string]bool{}
	for id, kept := range map[string]bool{
		"abc-123_x.y:z/+=":        true,
		strings.Repeat("a", 64):   true,
		strings.Repeat("a", 65):   false,
		"two words":               false,
		`forged" level="error`:    false,
		"\u00e9":                  false,
		"00-4bf92f3577b34da6a3ce": true,
	} {
		got := ts.do(t, "GET", "/healthz", "", requestIDHeader+": "+id).Header.Get(requestIDHeader)
		if (got == id) != kept || len(got) < 16 || seen[got] {
			t.Errorf("%q became %q", id, got)
		}
		seen[got] = true
	}
	if a, b := ts.do(t, "GET", "/", ""), ts.do(t, "GET", "/", ""); a.Header.Get(requestIDHeader) == b.Header.Get(requestIDHeader) {
		t.Error("two requests have the same id")
	}
}

// What fails is logged with the id that the client is told; each request only at level debug.
func TestRequestIDInLog(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		ts := start(t, Options{})
		log := &strings.Builder{}
		ts.server.log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level}))
		ts.server.ui = &ui{pages: map[string]*page{"index.html": nil}} // is not consistent: serving it panics
		ts.Config.Handler = ts.server.Handler()
		ts.do(t, "GET", "/healthz", "", requestIDHeader+": healthy")
		p := ts.do(t, "GET", "/", "", "Accept: text/html", requestIDHeader+": broken").problem(t)
		if p.RequestID != "broken" {
			t.Errorf("%+v", p)
		}
		ts.Server.Close() // waits until all is logged
		if !strings.Contains(log.String(), `msg="internal error" request=broken`) {
			t.Errorf("%v: the failure is not logged: %s", level, log)
		}
		if got := strings.Contains(log.String(), "msg=request request=healthy method=GET path=/healthz"); got != (level == slog.LevelDebug) {
			t.Errorf("%v: each request is logged: %v: %s", level, got, log)
		}
	}
}
