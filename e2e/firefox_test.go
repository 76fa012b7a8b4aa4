package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// firefox is a Firefox with its profile, in a process group of its own.
type firefox struct {
	t       testing.TB
	cmd     *exec.Cmd
	session *bidi
}

// firefoxPreferences keep it quiet: no first steps, no questions after it was killed, no calls home.
const firefoxPreferences = `
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.sessionstore.resume_from_crash", false);
user_pref("toolkit.startup.max_resumed_crashes", -1);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("extensions.update.enabled", false);
user_pref("services.settings.server", "data:,");
`

// startFirefox starts Firefox on a profile directory, which must outlive it. Where there is none, the test is skipped.
func startFirefox(t testing.TB, profile string) *firefox {
	t.Helper()
	program := findFirefox(t)
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(firefoxPreferences), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &firefox{t: t, cmd: exec.Command(program, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0")}
	f.cmd.Env = append(os.Environ(), "MOZ_CRASHREPORTER_DISABLE=1", "HOME="+profile)
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := f.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Kill)
	url := make(chan string, 1)
	go func() {
		defer close(url)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			if m := bidiURL.FindStringSubmatch(lines.Text()); m != nil {
				url <- m[1]
			}
		}
	}()
	select {
	case u := <-url:
		if u == "" {
			t.Fatal("Firefox ended before it listened")
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if f.session, err = dialBiDi(ctx, u); err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("Firefox does not listen")
	}
	return f
}

var bidiURL = regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)

func findFirefox(t testing.TB) string {
	for _, name := range []string{"firefox-esr", "firefox"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Firefox found: make test-browsers installs it, or says how")
	return ""
}

// Kill kills all processes of the browser with SIGKILL. It may be called again.
func (f *firefox) Kill() {
	if f.cmd == nil {
		return
	}
	syscall.Kill(-f.cmd.Process.Pid, syscall.SIGKILL)
	f.cmd.Wait() // its status says only that it was killed
	f.cmd = nil
	if f.session != nil {
		f.session.conn.CloseNow()
	}
}

// Open opens a tab on a URL.
func (f *firefox) Open(url string) wasmPage {
	f.t.Helper()
	p := &firefoxPage{browser: f}
	var created struct{ Context string }
	p.call("browsingContext.create", map[string]any{"type": "tab"}, &created)
	p.context = created.Context
	p.Navigate(url)
	return p
}

// firefoxPage is a tab.
type firefoxPage struct {
	browser *firefox
	context string // its name in the session
}

func (p *firefoxPage) call(method string, params, result any) {
	p.browser.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.browser.session.call(ctx, method, params, result); err != nil {
		p.browser.t.Fatal(err)
	}
}

func (p *firefoxPage) Navigate(url string) {
	p.browser.t.Helper()
	p.call("browsingContext.navigate", map[string]any{"context": p.context, "url": url, "wait": "complete"}, nil)
}

func (p *firefoxPage) Evaluate(ctx context.Context, expression string, value any) error {
	var evaluated struct {
		Type             string
		Result           struct{ Value string }
		ExceptionDetails struct{ Text string }
	}
	err := p.browser.session.call(ctx, "script.evaluate", map[string]any{
		"expression":   "(async () => JSON.stringify(await (" + expression + ")) ?? 'null')()",
		"target":       map[string]any{"context": p.context},
		"awaitPromise": true,
	}, &evaluated)
	if err == nil && evaluated.Type == "exception" {
		err = errors.New(evaluated.ExceptionDetails.Text)
	}
	if err != nil || value == nil {
		return err
	}
	return json.Unmarshal([]byte(evaluated.Result.Value), value)
}

func (p *firefoxPage) Close() {
	p.browser.t.Helper()
	p.call("browsingContext.close", map[string]any{"context": p.context}, nil)
}
