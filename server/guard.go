package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/millpond-dev/millpond"
)

// guard decides which web pages may use the server. Where being reachable is enough, or where a cookie is, that is all that
// a page of another site needs: browsers are told apart by what they, and only they, send.
type guard struct {
	origins map[string]bool // allowed ones, in lower case
	hosts   map[string]bool // and their hosts
	cookies bool            // pages of allowed origins may send them
}

func newGuard(allowedOrigins []string, cookies bool) (*guard, error) {
	g := &guard{origins: map[string]bool{}, hosts: map[string]bool{}, cookies: cookies}
	for _, origin := range allowedOrigins {
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil ||
			origin != u.Scheme+"://"+u.Host {
			return nil, fmt.Errorf("allowed origin %q: must be like https://app.example.com, without a path", origin)
		}
		g.origins[strings.ToLower(origin)] = true
		g.hosts[strings.ToLower(u.Host)] = true
	}
	return g, nil
}

// checkHost refuses requests that reach a loopback address under another name: with DNS rebinding, a page of
// evil.example has the origin of the server that it talks to. Elsewhere the server cannot know its names.
func (g *guard) checkHost(r *http.Request) error {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() || isLoopbackHost(r.Host) || g.hosts[strings.ToLower(r.Host)] {
		return nil
	}
	return &millpond.Error{Code: millpond.Forbidden, Field: "Host", Message: fmt.Sprintf(
		"this server is only for this machine, and does not answer to the name %q: behind a proxy, start it with --allowed-origin https://%s",
		clip(r.Host), clip(r.Host))}
}

func isLoopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// checkOrigin refuses requests of pages of other origins. A request without Origin comes from a program, or from a
// page's own GET, or from an element of another site, which Sec-Fetch-Site tells.
func (g *guard) checkOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	switch {
	case origin != "" && !g.allowed(r, origin):
		return forbiddenOrigin(origin)
	case origin == "" && r.Header.Get("Sec-Fetch-Site") == "cross-site":
		return &millpond.Error{Code: millpond.Forbidden, Field: "Sec-Fetch-Site",
			Message: "pages of other sites may not use this API"}
	}
	return nil
}

// checkWebsocket is checkOrigin for the websocket, where every browser sends an Origin: a request that looks like a
// browser's and has none is not what it seems.
func (g *guard) checkWebsocket(r *http.Request) error {
	if r.Header.Get("Origin") == "" && fromBrowser(r) {
		return &millpond.Error{Code: millpond.Forbidden, Field: "Origin",
			Message: "a browser must say the origin of the page that opens a websocket"}
	}
	return g.checkOrigin(r)
}

// checkCookie refuses what a page of another site could have made a browser send: the cookie comes with it by itself. What
// changes something, and a websocket, which no other check of the browser stops, must say which page it comes from;
// [guard.checkOrigin] has looked at what it says.
func (g *guard) checkCookie(r *http.Request) error {
	origin := r.Header.Get("Origin")
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != ""
	switch {
	case origin == "" && changes && r.Header.Get("Sec-Fetch-Site") != "same-origin":
		return &millpond.Error{Code: millpond.Forbidden, Field: "Origin",
			Message: "with a cookie, the origin of the page must be said: programs send the header Authorization instead"}
	case r.TLS != nil && strings.HasPrefix(strings.ToLower(origin), "http://") && !g.listed(origin):
		return forbiddenOrigin(origin) // a page that came without TLS may be anybody's
	}
	return nil
}

// allowed reports whether origin is the server's own or a listed one. Its own is told by the host alone: whether a proxy
// in front of the server speaks TLS is not known here.
func (g *guard) allowed(r *http.Request, origin string) bool {
	if g.listed(origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.EqualFold(u.Host, r.Host)
}

func (g *guard) listed(origin string) bool { return g.origins[strings.ToLower(origin)] }

func forbiddenOrigin(origin string) error {
	return &millpond.Error{Code: millpond.Forbidden, Field: "Origin", Message: fmt.Sprintf(
		"pages of %s may not use this server: start it with --allowed-origin to allow them", clip(origin))}
}

// fromBrowser reports whether a request has a mark of a browser.
func fromBrowser(r *http.Request) bool {
	for name := range r.Header {
		if strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return strings.HasPrefix(r.UserAgent(), "Mozilla/")
}

// cors lets the pages of listed origins read the answer, and answers their preflight requests: it reports whether this
// was one.
func (g *guard) cors(c echo.Context) (preflight bool) {
	r, h := c.Request(), c.Response().Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !g.listed(origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if g.cookies {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h.Set("Access-Control-Expose-Headers", "ETag, Retry-After, "+requestIDHeader+", "+incarnationHeader+", "+maxOffsetHeader)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-None-Match, Last-Event-ID, "+requestIDHeader)
	h.Set("Access-Control-Max-Age", "600")
	return true
}

// clip shortens what an error or a log line repeats of a request.
func clip(s string) string {
	if len(s) > maxLogBytes {
		s = s[:maxLogBytes]
	}
	return strings.ToValidUTF8(s, "�")
}
