package e2e

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands between the browser and the server, so that a test can take parts of the network away. The page's
// origin is the proxy's, so a server may come and go behind it.
type Proxy struct {
	*httptest.Server
	noWebsocket atomic.Bool
	edits       []edited
	mu          sync.Mutex
	conns       []net.Conn
}

// startProxy starts a proxy in front of a server.
func startProxy(t *testing.T, s *Server) *Proxy {
	target, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	p := new(Proxy)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the server compares it with the origin
			if p.editOf(r.In.URL.Path) != nil {
				r.Out.Header.Set("Accept-Encoding", "identity")
			}
		},
		ModifyResponse: p.edit,
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/ws" && p.noWebsocket.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	p.Listener = trackingListener{p.Listener, p}
	p.Start()
	t.Cleanup(func() { p.Cut(); p.Close() })
	return p
}

// Prefix puts JavaScript in front of a script under /assets/ whose name starts with name: it takes something away that
// browsers have. Call it before the first request.
func (p *Proxy) Prefix(name, script string) {
	p.Edit(name, ".js", func(body []byte) []byte { return append([]byte(script), body...) })
}

// Edit changes a file under /assets/ by the start and the end of its name. Call it before the first request.
func (p *Proxy) Edit(name, extension string, edit func(body []byte) []byte) {
	p.edits = append(p.edits, edited{name, extension, edit})
}

type edited struct {
	name, extension string
	edit            func(body []byte) []byte
}

// editOf is what changes a file; nil when nothing does.
func (p *Proxy) editOf(urlPath string) func([]byte) []byte {
	for _, e := range p.edits {
		if strings.HasPrefix(urlPath, "/assets/"+e.name) && strings.HasSuffix(urlPath, e.extension) {
			return e.edit
		}
	}
	return nil
}

func (p *Proxy) edit(res *http.Response) error {
	edit := p.editOf(res.Request.URL.Path)
	if edit == nil {
		return nil
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	res.Body.Close()
	body = edit(body)
	res.Body = io.NopCloser(bytes.NewReader(body))
	res.ContentLength = int64(len(body))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// BlockWebsocket refuses new websockets, and cuts those that are there; or lets them through again.
func (p *Proxy) BlockWebsocket(block bool) {
	p.noWebsocket.Store(block)
	if block {
		p.Cut()
	}
}

// Cut cuts all connections that are open, websockets too. New ones are let through.
func (p *Proxy) Cut() {
	p.mu.Lock()
	conns := p.conns
	p.conns = nil
	p.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// trackingListener keeps the connections: httptest forgets those that have become websockets.
type trackingListener struct {
	net.Listener
	p *Proxy
}

func (l trackingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.p.mu.Lock()
		l.p.conns = append(l.p.conns, c)
		l.p.mu.Unlock()
	}
	return c, err
}
