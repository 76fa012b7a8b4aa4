package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"type":"line","payload":{"n":%d}}`+"\n", i+1)
	}
	return b.String()
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// checkLines fails the test unless the stream is created, woken, and n lines in order.
func checkLines(t *testing.T, url string, n int) {
	t.Helper()
	events := parseEvents(t, must(t, "", "tail", "--url", url, "--path", "/x", "--no-follow", "--type", "line").out)
	if len(events) != n {
		t.Fatalf("%d events, want %d", len(events), n)
	}
	for i, e := range events {
		if string(e.Payload) != fmt.Sprintf(`{"n":%d}`, i+1) || e.Offset != uint64(i)+3 {
			t.Fatalf("event %d: offset %d, %s", i, e.Offset, e.Payload)
		}
	}
}

func TestAppendOne(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	r := must(t, "", "append", "--url", url, "--path", "/x", "--event", `{"type":"a","payload":[1, 2]}`)
	if e := parseEvents(t, r.out)[0]; e.Offset != 3 || string(e.Payload) != "[1, 2]" {
		t.Errorf("%s", r.out)
	}
	r = must(t, "", "append", "--url", url, "--namespace", "other", "--path", "/", "--type", "b", "--event", `"text"`)
	if e := parseEvents(t, r.out)[0]; e.Offset != 3 || e.Type != "b" || string(e.Payload) != `"text"` {
		t.Errorf("%s", r.out)
	}
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--path", "/x", "--event", `{"typ":"a"}`}, exitFailed, "typ"},
		{[]string{"--path", "/x", "--event", `{"type":"a","offset":99}`}, exitFailed, "offset_conflict"},
		{[]string{"--path", "/x", "--event", `nonsense`, "--type", "a"}, exitFailed, "JSON"},
		{[]string{"--path", "x", "--event", `{"type":"a"}`}, exitUsage, "--path"},
		{[]string{"--path", "/x", "--namespace", "A", "--event", `{"type":"a"}`}, exitUsage, "--namespace"},
		{[]string{"--path", "/x"}, exitUsage, "--event"},
		{[]string{"--event", `{"type":"a"}`}, exitUsage, "--path"},
		{[]string{"--path", "/x", "--event", `{}`, "--ndjson", "-"}, exitUsage, "--ndjson"},
		{[]string{"--path", "/x", "--ndjson", "/nonexistent"}, exitFailed, "/nonexistent"},
		{[]string{"--path", "/x", "--url", "localhost:8080", "--event", `{"type":"a"}`}, exitUsage, "--url"},
		{[]string{"--path", "/x", "--url", "http://127.0.0.1:1", "--event", `{"type":"a"}`}, exitFailed, "millpond serve"},
	} {
		if r := invoke(t, "", append([]string{"append", "--url", url}, test.args...)...); r.code != test.code || !strings.Contains(r.err, test.says) {
			t.Errorf("%v: exit %d: %s", test.args, r.code, r.err)
		}
	}
}

func TestImport(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	r := must(t, "", "append", "--url", url, "--path", "/x", "--ndjson", writeFile(t, "\n"+lines(1200)+"\r\n"))
	if !strings.Contains(r.err, "1200 events are in the stream, at offsets 3 to 1202") || r.out != "" {
		t.Errorf("%+v", r)
	}
	checkLines(t, url, 1200)
	r = must(t, `{"a":1}`+"\n"+`"b"`, "append", "--url", url, "--path", "/y", "--type", "c", "--ndjson", "-")
	if !strings.Contains(r.err, "2 events") {
		t.Errorf("%+v", r)
	}
	if r := must(t, "", "append", "--url", url, "--path", "/z", "--ndjson", "-"); !strings.Contains(r.err, "no events") {
		t.Errorf("%+v", r)
	}
}

// S2: an import that is run again with its id appends what is missing, once.
func TestImportResume(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	good := lines(1200)
	bad := strings.Replace(good, `{"type":"line","payload":{"n":700}}`, `{"type":"line","load":7}`, 1)
	args := []string{"append", "--url", url, "--path", "/x", "--import-id", "i1", "--ndjson"}
	r := invoke(t, "", append(args, writeFile(t, bad))...)
	for _, want := range []string{"line 700", "load", "nothing was appended from line 501 on", "500 events are in the stream", "--import-id i1"} {
		if r.code != exitFailed || !strings.Contains(r.err, want) {
			t.Errorf("exit %d, does not say %q: %s", r.code, want, r.err)
		}
	}
	checkLines(t, url, 500)
	must(t, "", append(args, writeFile(t, good))...)
	checkLines(t, url, 1200)
	must(t, "", append(args, writeFile(t, good))...)
	checkLines(t, url, 1200)

	other := strings.Replace(good, `{"n":3}`, `{"n":4}`, 1)
	if r := invoke(t, "", append(args, writeFile(t, other))...); r.code != exitFailed || !strings.Contains(r.err, "line 3") || !strings.Contains(r.err, "at offset 5") {
		t.Errorf("another file with the same id: %+v", r)
	}
}

func TestImportBadLines(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	for input, want := range map[string]string{
		"{}\n":                            "line 1: invalid_event: type: is required; nothing was appended from line 1 on",
		`{"type":"a"}` + "\n\nnonsense\n": "line 3: ",
		`{"type":"a"}` + "\n" + strings.Repeat("x", maxLineBytes) + "\n": "line 2: is over the limit",
		`{"type":"a"}` + "\n" + `{"type":"b","offset":9}`:                "line 2: offset_conflict",
		`{"type":"stream/woken"}`:                                        "belongs to the system",
	} {
		r := invoke(t, input, "append", "--url", url, "--path", "/x", "--ndjson", "-")
		if r.code != exitFailed || !strings.Contains(r.err, want) {
			t.Errorf("%.40q: exit %d: %s", input, r.code, r.err)
		}
	}
	if r := invoke(t, "", "tail", "--url", url, "--path", "/x", "--no-follow", "--type", "a"); r.out != "" {
		t.Errorf("appended: %s", r.out)
	}
}

// S2: whatever happens to a request or its answer, each line is appended once.
func TestImportRetries(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	target, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(target)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	forward.Transport = transport
	var requests atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch requests.Add(1) {
		case 2: // committed, but the answer is lost
			forward.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case 3: // not arrived
			panic(http.ErrAbortHandler)
		case 5: // something in between is not well
			http.Error(w, "bad gateway", http.StatusBadGateway)
		case 6: // half an answer
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "[")
		default:
			forward.ServeHTTP(w, r)
		}
	}))
	defer proxy.Close()
	must(t, "", "append", "--url", proxy.URL, "--path", "/x", "--ndjson", writeFile(t, lines(1700)))
	http.DefaultClient.CloseIdleConnections()
	if n := requests.Load(); n != 8 {
		t.Errorf("%d requests", n)
	}
	checkLines(t, url, 1700)
}
