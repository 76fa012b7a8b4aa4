package server

import (
	"net/http"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
)

// notModifiedNow reports whether the answer is still the one with the ETag.
func (ts *testServer) notModifiedNow(t *testing.T, pathAndQuery, tag string) bool {
	t.Helper()
	res := ts.do(t, "GET", "/api/streams/default"+pathAndQuery, "", "If-None-Match: "+tag)
	if res.StatusCode == http.StatusNotModified && (res.body != "" || res.Header.Get("ETag") == "" || res.Header.Get("Cache-Control") == "") {
		t.Errorf("%s: 304 with %v %q", pathAndQuery, res.Header, res.body)
	}
	return res.StatusCode == http.StatusNotModified
}

// S7: an answer keeps its ETag as long as it is the same, and no longer.
func TestETag(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `[{"type":"a"},{"type":"b","idempotencyKey":"k"},{"type":"a"},{"type":"a"}]`) // 3 to 6
	get := func(query string) response { return ts.do(t, "GET", "/api/streams/default/x"+query, "") }
	tags, bodies := map[string]string{}, map[string]string{}
	queries := map[string]bool{ // whether the answer changes with the next event
		"":                     true,
		"?after=2":             true,
		"?after=6":             true,
		"?after=900":           true,
		"?before=900":          true,
		"?before=8":            true,
		"?types=a":             true,
		"?limit=7":             true,
		"?before=7":            false,
		"?before=3":            false,
		"?after=2&before=5":    false,
		"?after=2&limit=3":     false,
		"?after=2&limit=4":     false,
		"?types=a&before=6":    false,
		"?types=b&before=6":    false,
		"?types=none&before=6": false,
		"?offset=4":            false,
		"?offset=3":            false,
		"?key=k":               false, // the same event as offset=4
	}
	same := map[string]string{}
	for query := range queries {
		res := get(query)
		tags[query], bodies[query] = res.Header.Get("ETag"), res.body
		if !strings.HasPrefix(tags[query], `"`) {
			t.Errorf("%s: ETag %s is not strong", query, tags[query])
		}
		if other, ok := same[tags[query]]; ok && bodies[other] != res.body {
			t.Errorf("%q and %q have the same ETag, and are not the same", query, other)
		}
		same[tags[query]] = query
		if !ts.notModifiedNow(t, "/x"+query, tags[query]) || !ts.notModifiedNow(t, "/x"+query, `"other", W/`+tags[query]) ||
			!ts.notModifiedNow(t, "/x"+query, "*") || ts.notModifiedNow(t, "/x"+query, `"other"`) {
			t.Errorf("%s: If-None-Match is not understood", query)
		}
	}
	ts.append(t, "/x", `{"type":"a"}`)
	for query, changes := range queries {
		if got := !ts.notModifiedNow(t, "/x"+query, tags[query]); got != changes {
			t.Errorf("%q: changed %v, want %v", query, got, changes)
		}
		if !changes && get(query).body != bodies[query] {
			t.Errorf("%q is another, with the same ETag", query)
		}
	}
	// The same offsets again, after a reset: another log.
	ts.do(t, "POST", "/api/control/default/x", `{"action":"reset"}`)
	ts.append(t, "/x", `[{"type":"a"},{"type":"b","idempotencyKey":"k"},{"type":"a"},{"type":"a"}]`)
	for query := range queries {
		if ts.notModifiedNow(t, "/x"+query, tags[query]) {
			t.Errorf("%q: an answer of before the reset is taken for one of after it", query)
		}
	}
}

// Only an answer that names its incarnation, and can not grow, may be kept without asking.
func TestCacheControl(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `[{"type":"a","idempotencyKey":"k"},{"type":"b"}]`) // 3, 4
	incarnation := ts.do(t, "HEAD", "/api/streams/default/x", "").Header.Get(incarnationHeader)
	for query, want := range map[string]string{
		"?before=5":                      revalidate,
		"?offset=3":                      revalidate,
		"?incarnation=":                  revalidate,
		"?before=5&incarnation=":         immutable,
		"?before=6&incarnation=":         revalidate,
		"?limit=4&incarnation=":          immutable,
		"?limit=5&incarnation=":          revalidate,
		"?types=a&limit=1&incarnation=":  revalidate,
		"?types=a&before=5&incarnation=": immutable,
		"?offset=3&incarnation=":         immutable,
		"?key=k&incarnation=":            immutable,
	} {
		if strings.HasSuffix(query, "=") {
			query += incarnation
		}
		for _, method := range []string{"GET", "HEAD"} {
			res := ts.do(t, method, "/api/streams/default/x"+query, "")
			if got := res.Header.Get("Cache-Control"); got != want || res.StatusCode != 200 {
				t.Errorf("%s %s: %s, Cache-Control %q, want %q", method, query, res.Status, got, want)
			}
		}
	}
	ts.do(t, "POST", "/api/control/default/x", `{"action":"reset"}`)
	for _, query := range []string{"?before=5&incarnation=", "?offset=1&incarnation="} {
		res := ts.do(t, "GET", "/api/streams/default/x"+query+incarnation, "")
		if p := res.problem(t); p.Code != millpond.NotFound || p.Field != "incarnation" {
			t.Errorf("%s: %s", query, res.body)
		}
		if res.Header.Get("ETag") != "" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("a problem that may be kept: %v", res.Header)
		}
	}
}

// HEAD says how far the log goes, in an answer without a body.
func TestHead(t *testing.T) {
	ts := start(t, Options{})
	created := ts.append(t, "/x", `[{"type":"a"},{"type":"b"}]`)[0].CreatedAt
	for _, target := range []string{"/api/streams/default/x", "/api/streams/default/x?after=2", "/api/streams/default/x?offset=3"} {
		head, get := ts.do(t, "HEAD", target, ""), ts.do(t, "GET", target, "")
		if head.StatusCode != 200 || head.body != "" || head.Header.Get(maxOffsetHeader) != "4" ||
			head.Header.Get(incarnationHeader) == "" || head.Header.Get(incarnationHeader) > string(millpond.IncarnationOf(created)) {
			t.Errorf("%s: %s %v %q", target, head.Status, head.Header, head.body)
		}
		for _, name := range []string{"ETag", "Content-Type", "Cache-Control", incarnationHeader} {
			if head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("%s: %s is %q for HEAD, %q for GET", target, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
	if res := ts.do(t, "HEAD", "/api/streams/default/none", ""); res.StatusCode != 404 || res.body != "" {
		t.Errorf("%s %q", res.Status, res.body)
	}
}
