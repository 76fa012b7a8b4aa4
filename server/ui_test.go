package server

import (
	"testing"
	"testing/fstest"
)

var testUI = fstest.MapFS{
	"index.html":                   {Data: []byte("<!doctype html>")},
	"index.html.br":                {Data: []byte("br of index")},
	"index.html.gz":                {Data: []byte("gz of index")},
	"sw.js":                        {Data: []byte("sw")},
	"assets/worker-1a2b.js":        {Data: []byte("worker")},
	"assets/millpond-3c4d.wasm":    {Data: []byte("wasm")},
	"assets/millpond-3c4d.wasm.br": {Data: []byte("br of wasm")},
	"lonely.gz":                    {Data: []byte("an archive")},
	".gitkeep":                     {},
}

func TestUI(t *testing.T) {
	ts := start(t, Options{UI: testUI})
	const (
		immutable = "public, max-age=31536000, immutable"
		html      = "text/html; charset=utf-8"
		js        = "text/javascript; charset=utf-8"
	)
	for _, test := range []struct {
		path, accept, acceptEncoding string
		status                       int
		mime, encoding, cache, body  string
	}{
		{"/", "text/html", "gzip, deflate, br", 200, html, "br", "no-cache", "br of index"},
		{"/index.html", "*/*", "gzip", 200, html, "gzip", "no-cache", "gz of index"},
		{"/", "*/*", "", 200, html, "", "no-cache", "<!doctype html>"},
		{"/", "*/*", "br;q=0.5, gzip;q=0.8", 200, html, "gzip", "no-cache", "gz of index"},
		{"/", "*/*", "br;q=0, gzip;q=0", 200, html, "", "no-cache", "<!doctype html>"},
		{"/", "*/*", "*", 200, html, "br", "no-cache", "br of index"},
		{"/", "*/*", "*;q=0.1, br;q=0", 200, html, "gzip", "no-cache", "gz of index"},
		{"/", "*/*", "BR ; Q=1", 200, html, "br", "no-cache", "br of index"},
		{"/", "*/*", "br;q=nonsense", 200, html, "", "no-cache", "<!doctype html>"},
		{"/sw.js", "*/*", "br", 200, js, "", "no-cache", "sw"},
		{"/assets/worker-1a2b.js", "*/*", "br", 200, js, "", immutable, "worker"},
		{"/assets/millpond-3c4d.wasm", "*/*", "br", 200, "application/wasm", "br", immutable, "br of wasm"},
		{"/assets/millpond-3c4d.wasm", "*/*", "gzip", 200, "application/wasm", "", immutable, "wasm"},
		{"/lonely.gz", "*/*", "gzip", 200, "application/octet-stream", "", "no-cache", "an archive"},
		{"/streams/a.b/c", "text/html,*/*", "br", 200, html, "br", "no-cache", "br of index"}, // the page's router knows it
		{"/streams/a", "*/*", "br", 404, "application/problem+json", "", "no-store", ""},
		{"/assets/gone-5e6f.js", "text/html", "br", 404, "application/problem+json", "", "no-store", ""},
		{"/index.html.br", "*/*", "br", 404, "application/problem+json", "", "no-store", ""},
		{"/.gitkeep", "*/*", "br", 404, "application/problem+json", "", "no-store", ""},
		{"/assets/", "*/*", "br", 404, "application/problem+json", "", "no-store", ""},
		{"/../server.go", "*/*", "", 404, "application/problem+json", "", "no-store", ""},
	} {
		res := ts.do(t, "GET", test.path, "", "Accept: "+test.accept, "Accept-Encoding: "+test.acceptEncoding)
		h := res.Header
		if res.StatusCode != test.status || h.Get("Content-Type") != test.mime || h.Get("Content-Encoding") != test.encoding ||
			h.Get("Cache-Control") != test.cache {
			t.Errorf("%s (%s): %s %v", test.path, test.acceptEncoding, res.Status, h)
		}
		if test.status != 200 {
			continue
		}
		if res.body != test.body || res.ContentLength != int64(len(test.body)) || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s (%s): %q of %d bytes, Vary %q", test.path, test.acceptEncoding, res.body, res.ContentLength, h.Get("Vary"))
		}
		head := ts.do(t, "HEAD", test.path, "", "Accept: "+test.accept, "Accept-Encoding: "+test.acceptEncoding)
		if head.StatusCode != 200 || head.body != "" || head.ContentLength != res.ContentLength || head.Header.Get("ETag") != h.Get("ETag") {
			t.Errorf("HEAD %s: %s %v", test.path, head.Status, head.Header)
		}
		again := ts.do(t, "GET", test.path, "", "Accept: "+test.accept, "Accept-Encoding: "+test.acceptEncoding, "If-None-Match: "+h.Get("ETag"))
		if again.StatusCode != 304 || again.body != "" {
			t.Errorf("%s with its ETag: %s", test.path, again.Status)
		}
		whole := ts.do(t, "GET", test.path, "", "Accept: "+test.accept, "Accept-Encoding: "+test.acceptEncoding, "Range: bytes=0-1")
		if whole.StatusCode != 200 || whole.body != test.body {
			t.Errorf("%s with a range: %s", test.path, whole.Status)
		}
	}
	br := ts.do(t, "GET", "/", "", "Accept-Encoding: br").Header.Get("ETag")
	if gz := ts.do(t, "GET", "/", "", "Accept-Encoding: gzip").Header.Get("ETag"); gz == br || gz == "" {
		t.Errorf("ETags %s and %s", br, gz)
	}
}

func TestUIMissing(t *testing.T) {
	ts := start(t, Options{})
	if res := ts.do(t, "GET", "/", ""); res.StatusCode != 200 || res.Header.Get("Content-Security-Policy") != apiPolicy {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	if res := ts.do(t, "GET", "/streams/x", "", "Accept: text/html"); res.problem(t).Status != 404 {
		t.Errorf("%s", res.Status)
	}
	if _, err := New(Options{Data: t.TempDir(), UI: fstest.MapFS{"a.js": {}}}); err == nil {
		t.Error("a UI without index.html is taken")
	}
}
