package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// S1: what was acknowledged survives a kill of the process; offsets go on.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	p, url := serve(t, dir, "127.0.0.1:0")
	for i := range 20 {
		must(t, "", "append", "--url", url, "--path", "/x", "--type", "a", "--event", fmt.Sprint(i))
	}
	p.kill()
	_, url = serve(t, dir, "127.0.0.1:0")
	must(t, "", "append", "--url", url, "--path", "/x", "--type", "a", "--event", "20")
	events := parseEvents(t, must(t, "", "tail", "--url", url, "--path", "/x", "--no-follow", "--type", "a").out)
	if len(events) != 21 {
		t.Fatalf("%d events", len(events))
	}
	for i, e := range events {
		if string(e.Payload) != fmt.Sprint(i) {
			t.Errorf("event %d: %s", i, e.Payload)
		}
	}
	all := parseEvents(t, must(t, "", "tail", "--url", url, "--path", "/x", "--no-follow").out)
	for i, e := range all {
		if e.Offset != uint64(i)+1 {
			t.Fatalf("offset %d at index %d", e.Offset, i)
		}
	}
}

// SIGTERM: the server drains and exits with 0 within 10 seconds, with clients connected.
func TestTerminate(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		p, url := serve(t, t.TempDir(), "127.0.0.1:0")
		var out output
		tail := spawn(t, &out, "tail", "--url", url, "--path", "/x")
		eventually(t, &p.err, "client connected")
		begin := time.Now()
		p.signal(signal)
		if state := p.wait(10 * time.Second); state.ExitCode() != 0 {
			t.Errorf("%v: %v: %s", signal, state, p.err.String())
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%v: took %v, although nothing hung", signal, took)
		}
		for _, want := range []string{`"draining","connections":1`, `"client disconnected"`, `"closed"`} {
			if !strings.Contains(p.err.String(), want) {
				t.Errorf("%v: log has no %s: %s", signal, want, p.err.String())
			}
		}
		eventually(t, &tail.err, "the server is shutting down; connecting again")
		tail.signal(os.Interrupt)
		if state := tail.wait(10 * time.Second); state.ExitCode() != 0 {
			t.Errorf("tail: %v: %s", state, tail.err.String())
		}
	}
}

// A second signal does not wait for what hangs.
func TestSecondSignal(t *testing.T) {
	p, url := serve(t, t.TempDir(), "127.0.0.1:0")
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Half a request, which the server has begun to answer: it has asked for the rest.
	fmt.Fprintf(conn, "POST /api/streams/default/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
	if _, err := conn.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	eventually(t, &p.err, "draining")
	begin := time.Now()
	p.signal(syscall.SIGTERM)
	if state := p.wait(10 * time.Second); state.Success() {
		t.Error("a process that was ended says that all is well")
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

// Each thing that keeps a server from starting is one line that says what to do.
func TestServeRefuses(t *testing.T) {
	taken := t.TempDir()
	_, url := serve(t, taken, "127.0.0.1:0")
	addr := strings.TrimPrefix(url, "http://")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	corrupt := t.TempDir()
	if err := os.WriteFile(filepath.Join(corrupt, "millpond.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	secret, short := secretFile(t, "secret", strings.Repeat("s", 32)), secretFile(t, "short", "s")
	for name, test := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"port in use":       {[]string{"--addr", addr}, exitFailed, []string{addr + " is in use", "--addr"}},
		"data in use":       {[]string{"--data", taken}, exitFailed, []string{taken, "in use"}},
		"data is a file":    {[]string{"--data", file}, exitFailed, []string{file}},
		"data corrupt":      {[]string{"--data", corrupt}, exitFailed, []string{corrupt}},
		"all addresses":     {[]string{"--addr", ":0"}, exitUsage, []string{"no authentication", "--insecure-no-auth"}},
		"any address":       {[]string{"--addr", "0.0.0.0:0"}, exitUsage, []string{"no authentication", "--insecure-no-auth"}},
		"no auth, twice":    {[]string{"--auth-secret-file", secret, "--insecure-no-auth"}, exitUsage, []string{"contradict"}},
		"auth of nothing":   {[]string{"--auth-issuer", "x"}, exitUsage, []string{"--auth-issuer", "--auth-jwks-file"}},
		"no secret":         {[]string{"--auth-secret-file", filepath.Join(taken, "none")}, exitFailed, []string{"--auth-secret-file", "none", "head -c 32 /dev/urandom"}},
		"no keys":           {[]string{"--auth-jwks-file", filepath.Join(taken, "none")}, exitFailed, []string{"--auth-jwks-file", "none", "public keys"}},
		"none revoked":      {[]string{"--auth-secret-file", secret, "--auth-revoked-file", filepath.Join(taken, "none")}, exitFailed, []string{"--auth-revoked-file", "may be empty"}},
		"endless events":    {[]string{"--max-event-bytes", "99999999"}, exitUsage, []string{"--max-event-bytes 99999999", "33554432"}},
		"a short secret":    {[]string{"--auth-secret-file", short}, exitFailed, []string{short, "too short", "32"}},
		"no port":           {[]string{"--addr", "localhost"}, exitUsage, []string{"127.0.0.1:8080"}},
		"a wrong port":      {[]string{"--addr", "127.0.0.1:99999"}, exitFailed, []string{"99999"}},
		"not our address":   {[]string{"--addr", "192.0.2.1:0", "--insecure-no-auth"}, exitFailed, []string{"no address 192.0.2.1"}},
		"a wrong origin":    {[]string{"--allowed-origin", "example.com"}, exitFailed, []string{"https://app.example.com"}},
		"an unknown flag":   {[]string{"--verbose"}, exitUsage, []string{"--verbose", "See: millpond serve --help"}},
		"an unknown format": {[]string{"--log-format", "xml"}, exitUsage, []string{"xml", "text", "json"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir()}, test.args...)
			r := invoke(t, "", args...)
			if r.code != test.code {
				t.Errorf("exit %d", r.code)
			}
			for _, want := range test.says {
				if !strings.Contains(r.err, want) {
					t.Errorf("does not say %q", want)
				}
			}
			lines := strings.Count(r.err, "\n")
			if lines > 1 && test.code == exitFailed || lines > 2 || !strings.HasPrefix(r.err, "millpond: ") {
				t.Errorf("not one clear line")
			}
			if t.Failed() {
				t.Log(r.err)
			}
		})
	}
}

// The environment sets what no flag does.
func TestServeEnvironment(t *testing.T) {
	t.Setenv("MILLPOND_ADDR", "0.0.0.0:0")
	t.Setenv("MILLPOND_DATA", t.TempDir())
	if r := invoke(t, "", "serve"); r.code != exitUsage || !strings.Contains(r.err, "0.0.0.0:0") {
		t.Errorf("exit %d: %s", r.code, r.err)
	}
}

func TestInsecureNoAuth(t *testing.T) {
	p := spawn(t, io.Discard, "serve", "--data", t.TempDir(), "--addr", "0.0.0.0:0", "--insecure-no-auth", "--log-format", "json")
	if log := eventually(t, &p.err, `"listening"`); !strings.Contains(log, `"WARN"`) || !strings.Contains(log, "THERE IS NO AUTHENTICATION") {
		t.Errorf("no warning in %s", log)
	}
}

// The viewer, or what there is of it, is at /.
func TestServePage(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !strings.Contains(strings.ToLower(string(body)), "<!doctype html>") {
		t.Errorf("%s %s %v", res.Status, body, err)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"append", "--help"}, {"tail", "--help"}, {"state", "--help"}, {"reset", "--help"}, {"doctor", "--help"}, {"backup", "--help"}, {"restore", "--help"}} {
		if r := invoke(t, "", args...); r.code != 0 || !strings.Contains(r.out, "millpond serve") && !strings.Contains(r.out, "Example") {
			t.Errorf("%v: exit %d: %s%s", args, r.code, r.out, r.err)
		}
	}
	if r := invoke(t, "", "version"); r.code != 0 || !strings.HasPrefix(r.out, "millpond ") {
		t.Errorf("version: %+v", r)
	}
	if r := invoke(t, "", "frobnicate"); r.code != exitUsage {
		t.Errorf("an unknown command: %+v", r)
	}
}
