package server

import (
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/labstack/echo/v4"
)

// ui serves the built web pages. It is immutable.
type ui struct {
	files fs.FS
	pages map[string]*page // by path without the first "/"
}

// page is a file and its compressed siblings.
type page struct {
	mime     string
	variants []variant // the best first; the last is the file itself
}

// variant is a file as it is sent with a Content-Encoding.
type variant struct {
	encoding string // "": none
	file     string
	size     int64
	etag     string
}

var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// mimeTypes does not leave to the operating system what package mime would take from it: a browser compiles wasm as it
// arrives, and runs modules and workers, only with the right type.
var mimeTypes = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".mjs":         "text/javascript; charset=utf-8",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json",
	".woff2":       "font/woff2",
}

func newUI(files fs.FS) (*ui, error) {
	u := &ui{files: files, pages: map[string]*page{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Base(name)[0] == '.' || u.isSibling(name) {
			return err
		}
		p := &page{mime: mimeTypes[path.Ext(name)]}
		if p.mime == "" {
			p.mime = "application/octet-stream"
		}
		for _, e := range encodings {
			if err := p.add(files, e.name, name+e.suffix); err != nil {
				return err
			}
		}
		u.pages[name] = p
		return p.add(files, "", name)
	})
	if err == nil && u.pages["index.html"] == nil {
		err = fmt.Errorf("index.html: %w", fs.ErrNotExist)
	}
	return u, err
}

// isSibling reports whether the file is another one, compressed.
func (u *ui) isSibling(name string) bool {
	for _, e := range encodings {
		if base, ok := strings.CutSuffix(name, e.suffix); ok {
			_, err := fs.Stat(u.files, base)
			return err == nil
		}
	}
	return false
}

// add adds a variant if the file exists.
func (p *page) add(files fs.FS, encoding, name string) error {
	if _, err := fs.Stat(files, name); err != nil {
		return nil
	}
	f, err := files.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, ok := f.(io.Seeker); !ok {
		return fmt.Errorf("%s: the file system's files cannot seek", name)
	}
	hash := xxhash.New()
	size, err := io.Copy(hash, f)
	p.variants = append(p.variants, variant{encoding, name, size, fmt.Sprintf(`"%016x"`, hash.Sum64())})
	return err
}

func (u *ui) serve(c echo.Context) error {
	r, w := c.Request(), c.Response()
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	p := u.pages[name]
	if p == nil {
		if !isNavigation(r) {
			return noRoute(c)
		}
		name, p = "index.html", u.pages["index.html"] // the page's own router knows the path
	}
	v := p.choose(r.Header.Get("Accept-Encoding"))
	f, err := u.files.Open(v.file)
	if err != nil {
		return err
	}
	defer f.Close()

	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("Content-Type", p.mime)
	h.Set("ETag", v.etag)
	h.Set("Vary", "Accept-Encoding")
	if v.encoding != "" {
		h.Set("Content-Encoding", v.encoding)
		h.Set("Content-Length", strconv.FormatInt(v.size, 10)) // ServeContent leaves it out when there is an encoding
	}
	r.Header.Del("Range") // files are taken whole
	http.ServeContent(w, r, "", time.Time{}, f.(io.ReadSeeker))
	return nil
}

// isNavigation reports whether a browser asks for a page, by a path that the page's router may know.
func isNavigation(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/assets/")
}

// choose picks the variant that the client likes best, and of those the smallest.
func (p *page) choose(acceptEncoding string) variant {
	best, bestQ := p.variants[len(p.variants)-1], 0.0
	for _, v := range p.variants[:len(p.variants)-1] {
		if q := quality(acceptEncoding, v.encoding); q > bestQ {
			best, bestQ = v, q
		}
	}
	return best
}

// quality is the weight, 0 to 1, that an Accept-Encoding header gives to an encoding. (RFC 9110, 12.5.3)
func quality(acceptEncoding, encoding string) float64 {
	weight := 0.0
	for item := range strings.SplitSeq(acceptEncoding, ",") {
		name, param, hasParam := strings.Cut(item, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != encoding && name != "*" {
			continue
		}
		q := 1.0
		if hasParam {
			text, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(param)), "q=")
			parsed, err := strconv.ParseFloat(text, 64)
			if !ok || err != nil || parsed < 0 || parsed > 1 {
				parsed = 0
			}
			q = parsed
		}
		if name == encoding {
			return q
		}
		weight = q
	}
	return weight
}

// missingUI is the page of a server that was built without the UI.
func missingUI(c echo.Context) error {
	if c.Request().URL.Path != "/" {
		return noRoute(c)
	}
	host := html.EscapeString(c.Request().Host)
	return c.HTML(http.StatusOK, `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Millpond</title>
<h1>Millpond is running</h1>
<p>The API works, but this program was built without the web pages. Build them in with</p>
<pre>make build</pre>
<p>in the repository, and start <code>bin/millpond serve</code>. Until then, try</p>
<pre>curl -d '{"type":"hello","payload":{"to":"world"}}' http://`+host+`/api/streams/default/demo
curl http://`+host+`/api/streams/default/demo</pre>
</html>
`)
}
