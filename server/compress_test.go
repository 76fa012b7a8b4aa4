package server

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/sqlite"
)

// decode undoes a Content-Encoding.
func decode(t testing.TB, coding string, r io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "br":
		return brotli.NewReader(r)
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	return r
}

// Long answers are compressed as the client likes it; what it reads then is the same.
func TestCompression(t *testing.T) {
	ts := start(t, Options{})
	event := `{"type":"a","payload":{"text":"the same words again and again and again"}}`
	ts.append(t, "/x", "["+strings.Repeat(event+",", 199)+event+"]")
	const long, short = "/api/streams/default/x?limit=1000", "/api/streams/default/x?limit=2"
	plain := ts.do(t, "GET", long, "")
	for _, test := range []struct{ accept, coding string }{
		{"br, gzip", "br"},
		{"gzip", "gzip"},
		{"gzip;q=1, br;q=0.5", "gzip"},
		{"br;q=0, gzip", "gzip"},
		{"zstd", ""},
		{"identity", ""},
		{"*", "br"},
		{"", ""},
	} {
		res := ts.do(t, "GET", long, "", "Accept-Encoding: "+test.accept)
		if got := res.Header.Get("Content-Encoding"); got != test.coding || !slices.Contains(res.Header.Values("Vary"), "Accept-Encoding") {
			t.Errorf("%q: %v", test.accept, res.Header)
			continue
		}
		text, err := io.ReadAll(decode(t, test.coding, strings.NewReader(res.body)))
		if err != nil || string(text) != plain.body {
			t.Errorf("%q: %v, %d bytes, want %d", test.accept, err, len(text), len(plain.body))
		}
		if test.coding == "" {
			continue
		}
		if len(res.body) > len(plain.body)/4 {
			t.Errorf("%q: %d bytes of %d are left", test.accept, len(res.body), len(plain.body))
		}
		// Other bytes have another ETag; each is good for its own.
		tag := res.Header.Get("ETag")
		if tag == plain.Header.Get("ETag") {
			t.Errorf("%q: the compressed answer has the ETag of the plain one", test.accept)
		}
		again := ts.do(t, "GET", long, "", "Accept-Encoding: "+test.accept, "If-None-Match: "+tag)
		if again.StatusCode != http.StatusNotModified || again.Header.Get("ETag") != tag {
			t.Errorf("%q: %s %v", test.accept, again.Status, again.Header)
		}
		if res := ts.do(t, "GET", short, "", "Accept-Encoding: "+test.accept); res.Header.Get("Content-Encoding") != "" ||
			res.Header.Get("Content-Length") != fmt.Sprint(len(res.body)) {
			t.Errorf("%q: a short answer: %v", test.accept, res.Header)
		}
	}
	if n := len(ts.server.compressing); n != 0 {
		t.Errorf("%d are still being compressed", n)
	}
}

// When many answers are being compressed others go out as they are.
func TestCompressionIsBounded(t *testing.T) {
	ts := start(t, Options{})
	ts.append(t, "/x", `{"type":"a","payload":"`+strings.Repeat("x", 2*minCompressBytes)+`"}`)
	for range maxCompressing {
		ts.server.compressing <- struct{}{}
	}
	if res := ts.do(t, "GET", "/api/streams/default/x", "", "Accept-Encoding: br"); res.Header.Get("Content-Encoding") != "" || len(res.events(t)) != 3 {
		t.Errorf("%v", res.Header)
	}
	<-ts.server.compressing
	if res := ts.do(t, "GET", "/api/streams/default/x", "", "Accept-Encoding: br"); res.Header.Get("Content-Encoding") != "br" {
		t.Errorf("%v", res.Header)
	}
}

// slowStore holds up, or fails, reads of what is after an offset.
type slowStore struct {
	store.Store
	after uint64
	fail  error
	until chan struct{}
}

func (s *slowStore) Read(ctx context.Context, stream store.Stream, r store.Range) (store.Page, error) {
	if r.After >= s.after {
		<-s.until
		if s.fail != nil {
			return store.Page{}, s.fail
		}
	}
	return s.Store.Read(ctx, stream, r)
}

func startSlow(t *testing.T, after uint64, fail error) (*testServer, *slowStore) {
	t.Helper()
	log, err := sqlite.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	slow := &slowStore{Store: log, after: after, fail: fail, until: make(chan struct{})}
	ts := start(t, Options{Store: slow})
	event := `{"type":"a","payload":"` + strings.Repeat("0123456789", 500) + `"}`
	ts.append(t, "/x", "["+strings.Repeat(event+",", 99)+event+"]")
	return ts, slow
}

// What is read is sent while the rest is not, compressed or not.
func TestLongAnswerIsFlushed(t *testing.T) {
	for _, coding := range []string{"br", "gzip", "identity"} {
		ts, slow := startSlow(t, readChunkEvents, nil)
		req, _ := http.NewRequest("GET", ts.URL+"/api/streams/default/x", nil)
		req.Header.Set("Accept-Encoding", coding)
		res, err := ts.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Minute, func() { res.Body.Close() })
		r := bufio.NewReader(decode(t, res.Header.Get("Content-Encoding"), res.Body))
		text := make([]byte, (readChunkEvents-3)*5000-flushBytes) // what the first chunk has at least, but for what may wait
		if _, err := io.ReadFull(r, text); err != nil {
			t.Errorf("%s: %v", coding, err)
		}
		close(slow.until)
		rest, err := io.ReadAll(r)
		if err != nil || !strings.HasSuffix(string(rest), "}]\n") {
			t.Errorf("%s: %v", coding, err)
		}
		timer.Stop()
		res.Body.Close()
	}
}

// An answer that fails in the middle does not look like a whole one; one that fails before is a problem.
func TestAnswerCutOff(t *testing.T) {
	for _, coding := range []string{"br", "gzip", "identity"} {
		ts, slow := startSlow(t, readChunkEvents, io.ErrUnexpectedEOF)
		close(slow.until)
		req, _ := http.NewRequest("GET", ts.URL+"/api/streams/default/x", nil)
		req.Header.Set("Accept-Encoding", coding)
		res, err := ts.Client().Do(req)
		if err == nil {
			_, err = io.ReadAll(decode(t, res.Header.Get("Content-Encoding"), res.Body))
			res.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the answer has an end", coding)
		}
		if n := len(ts.server.compressing); n != 0 {
			t.Errorf("%s: %d are still being compressed", coding, n)
		}
		slow.after = 0
		if p := ts.do(t, "GET", "/api/streams/default/x", "", "Accept-Encoding: "+coding).problem(t); p.Status != 500 {
			t.Errorf("%s: %+v", coding, p)
		}
	}
}

// S7: an answer is of one incarnation: a reset while it is written cuts it off.
func TestAnswerIsOfOneIncarnation(t *testing.T) {
	ts, slow := startSlow(t, readChunkEvents, nil)
	res, err := ts.Client().Get(ts.URL + "/api/streams/default/x")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	ts.do(t, "POST", "/api/control/default/x", `{"action":"reset"}`)
	event := `{"type":"other"}`
	ts.append(t, "/x", "["+strings.Repeat(event+",", 199)+event+"]")
	close(slow.until)
	if text, err := io.ReadAll(res.Body); err == nil || strings.Contains(string(text), "other") {
		t.Errorf("an answer of two incarnations (%v): %s", err, text[len(text)-100:])
	}
}
