package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

// Which pages of which origins may use the API.
func TestOrigin(t *testing.T) {
	ts := start(t, Options{AllowedOrigins: []string{"https://app.example.com"}})
	own := "Origin: " + ts.URL
	for _, test := range []struct {
		headers []string
		allowed bool
	}{
		{nil, true}, // curl
		{[]string{own}, true},
		{[]string{own, "Sec-Fetch-Site: same-origin"}, true},
		{[]string{"Sec-Fetch-Site: same-origin"}, true}, // a page's own GET
		{[]string{"Sec-Fetch-Site: none"}, true},        // the address bar
		{[]string{"Origin: https://app.example.com", "Sec-Fetch-Site: cross-site"}, true},
		{[]string{"Origin: HTTPS://APP.example.com"}, true},
		{[]string{"Origin: http://app.example.com"}, false},
		{[]string{"Origin: https://app.example.com.evil.example"}, false},
		{[]string{"Origin: https://evil.example"}, false},
		{[]string{"Origin: http://127.0.0.1:1"}, false}, // another port is another origin
		{[]string{"Origin: null"}, false},
		{[]string{"Origin: file://"}, false},
		{[]string{"Sec-Fetch-Site: cross-site"}, false}, // an image or a script element
	} {
		for _, method := range []string{"GET", "POST"} {
			res := ts.do(t, method, "/api/streams/default/x", `{"type":"a"}`, test.headers...)
			if got := res.StatusCode != http.StatusForbidden; got != test.allowed {
				t.Errorf("%s %v: %s %s", method, test.headers, res.Status, res.body)
			}
			if !test.allowed && res.problem(t).Code != millpond.Forbidden {
				t.Errorf("%s %v: %s", method, test.headers, res.body)
			}
		}
	}
}

// Listed origins can read the answers; others get no permission.
func TestCORS(t *testing.T) {
	ts := start(t, Options{AllowedOrigins: []string{"https://app.example.com"}})
	const listed = "Origin: https://app.example.com"
	res := ts.do(t, "OPTIONS", "/api/streams/default/x", "", listed, "Access-Control-Request-Method: POST")
	if res.StatusCode != 204 || res.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
		!strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "POST") ||
		!strings.HasPrefix(res.Header.Get("Access-Control-Allow-Headers"), "Authorization, Content-Type, ") {
		t.Errorf("preflight: %s %v", res.Status, res.Header)
	}
	res = ts.do(t, "POST", "/api/streams/default/x", `{"type":"a"}`, listed)
	if res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Errorf("append: %s %v", res.Status, res.Header)
	}
	for _, origin := range []string{"Origin: " + ts.URL, "Origin: https://evil.example"} {
		res = ts.do(t, "OPTIONS", "/api/streams/default/x", "", origin, "Access-Control-Request-Method: POST")
		if res.StatusCode < 400 || res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %s %v", origin, res.Status, res.Header)
		}
	}
}

// On a loopback address, a foreign name is refused everywhere: it may be DNS rebinding.
func TestHost(t *testing.T) {
	ts := start(t, Options{AllowedOrigins: []string{"https://app.example.com"}, UI: testUI})
	for host, allowed := range map[string]bool{
		"127.0.0.1":           true,
		"127.1.2.3:80":        true,
		"localhost:8080":      true,
		"LOCALHOST":           true,
		"app.localhost:8080":  true,
		"[::1]:8080":          true,
		"app.example.com":     true, // a proxy
		"evil.example":        false,
		"evil.example:8080":   false,
		"localhost.evil.com":  false,
		"127.0.0.1.evil.com":  false,
		"10.0.0.1":            false,
		"sub.app.example.com": false,
	} {
		for _, path := range []string{"/", "/healthz", "/api/streams/default/x"} {
			res := ts.do(t, "GET", path, "", "Host: "+host)
			if got := res.StatusCode != http.StatusForbidden; got != allowed {
				t.Errorf("%s at %s: %s %s", path, host, res.Status, res.body)
			}
		}
	}
	// Elsewhere the server does not know its names.
	rec := httptest.NewRecorder()
	ts.server.Handler().ServeHTTP(rec, httptest.NewRequest("GET", "http://millpond.example/healthz", nil))
	if rec.Code != 200 {
		t.Errorf("not on loopback: %d %s", rec.Code, rec.Body)
	}
}

func TestAllowedOrigins(t *testing.T) {
	for _, bad := range []string{"app.example.com", "https://app.example.com/", "https://a@b.example", "ftp://a.example", "*", "null", ""} {
		if _, err := New(Options{Data: t.TempDir(), AllowedOrigins: []string{bad}}); err == nil {
			t.Errorf("%q is allowed", bad)
		}
	}
}
