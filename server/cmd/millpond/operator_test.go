package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// fetch is the status and the body of an answer.
func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// Profiles are on a listener of their own; metrics are where they are said to be.
func TestOperatorListener(t *testing.T) {
	for _, test := range []struct {
		metrics       string
		public, debug bool
	}{{"auto", true, false}, {"public", true, false}, {"debug", false, true}, {"off", false, false}} {
		p := spawn(t, io.Discard, "serve", "--data", t.TempDir(), "--addr", "127.0.0.1:0", "--log-format", "json",
			"--debug-listen", "127.0.0.1:0", "--metrics", test.metrics)
		log := eventually(t, &p.err, `"listening for the operator"`)
		urls := regexp.MustCompile(`"url":"(http://[^/"]*)`).FindAllStringSubmatch(log, -1)
		main, debug := urls[0][1], urls[1][1]
		if status, body := fetch(t, debug+"/debug/pprof/goroutine?debug=1"); status != 200 || !strings.Contains(body, "goroutine profile") {
			t.Errorf("%s: profile: %d %.100s", test.metrics, status, body)
		}
		if status, _ := fetch(t, main+"/debug/pprof/"); status != 404 {
			t.Errorf("%s: profiles are public", test.metrics)
		}
		for url, want := range map[string]bool{main: test.public, debug: test.debug} {
			if status, body := fetch(t, url+"/metrics"); (status == 200 && strings.Contains(body, "millpond_commits_total")) != want {
				t.Errorf("%s: %s/metrics: %d, want %v", test.metrics, url, status, want)
			}
		}
		p.kill()
	}
	for _, args := range [][]string{{"--debug-listen", "0.0.0.0:0"}, {"--debug-listen", ":0"}, {"--debug-listen", "x"}, {"--metrics", "everywhere"}} {
		r := invoke(t, "", append([]string{"serve", "--data", t.TempDir(), "--addr", "127.0.0.1:0"}, args...)...)
		if r.code != exitUsage || !strings.Contains(r.err, args[0]) {
			t.Errorf("%v: exit %d: %s", args, r.code, r.err)
		}
	}
	p := spawn(t, io.Discard, "serve", "--data", t.TempDir(), "--addr", "127.0.0.1:0", "--debug-listen", "0.0.0.0:0", "--debug-anywhere")
	eventually(t, &p.err, "listening for the operator")
}
