package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/remote"
)

// patience bounds every wait of a test for something that will come: it is long, because machines are shared, and a
// test that passes never waits for it.
const patience = 60 * time.Second

// Browser is a Chromium with its profile. It runs in a process group of its own, so that all of it can be killed.
type Browser struct {
	t       testing.TB
	profile string
	cmd     *exec.Cmd
	ctx     context.Context
	cancel  context.CancelFunc
}

// startBrowser starts Chromium on a profile directory, which must outlive it: OPFS is there.
func startBrowser(t testing.TB, profile string) *Browser {
	t.Helper()
	cmd := exec.Command(findChromium(t),
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--no-default-browser-check", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-dev-shm-usage", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
		"--disable-background-timer-throttling", "--window-size=1280,800",
		"--remote-debugging-port=0", "--user-data-dir="+profile, "about:blank")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t, profile: profile, cmd: cmd}
	t.Cleanup(b.Kill)
	url := make(chan string, 1)
	go func() {
		defer close(url)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			if m := devtoolsURL.FindStringSubmatch(lines.Text()); m != nil {
				url <- m[1]
			}
		}
	}()
	select {
	case u := <-url:
		if u == "" {
			t.Fatal("Chromium ended before it listened")
		}
		allocator, cancelAllocator := remote.NewAllocator(context.Background(), u, remote.NoModifyURL)
		ctx, cancel := chromedp.NewContext(allocator)
		b.ctx, b.cancel = ctx, func() { cancel(); cancelAllocator() }
	case <-time.After(patience):
		t.Fatal("Chromium does not listen")
	}
	if err := chromedp.Do(b.ctx); err != nil {
		t.Fatal(err)
	}
	return b
}

var devtoolsURL = regexp.MustCompile(`DevTools listening on (ws://\S+)`)

var chromiumNames = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

func findChromium(t testing.TB) string {
	for _, name := range chromiumNames {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("no Chromium found: install it, on Debian with: apt-get install chromium")
	return ""
}

// Kill kills all processes of the browser with SIGKILL, as a power cut would. It may be called again.
func (b *Browser) Kill() {
	if b.cmd == nil {
		return
	}
	syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL)
	b.cmd.Wait()
	b.cmd = nil
	if b.cancel != nil {
		b.cancel()
	}
	os.Remove(filepath.Join(b.profile, "SingletonLock")) // left behind by the dead: the next start would refuse
}

// Close ends the browser with SIGTERM, upon which it writes its caches, and waits for it.
func (b *Browser) Close() {
	b.cmd.Process.Signal(syscall.SIGTERM)
	b.cmd.Wait() // its status says only that it was asked to
	b.cmd = nil
	b.cancel()
}

// Tab is a tab of a browser.
type Tab struct {
	t       testing.TB
	browser *Browser
	ctx     context.Context

	mu      sync.Mutex
	console []string
	allowed []string
}

// Open opens a tab on a URL. At the end of the test its console must hold no error and no exception but those that
// Allow has named. Each page that the tab loads runs the scripts before its own.
func (b *Browser) Open(url string, scripts ...string) *Tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	tab := &Tab{t: b.t, browser: b, ctx: ctx}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			tab.mu.Lock()
			tab.console = append(tab.console, fmt.Sprintf("%s: %s (%s:%d)", m.Type, m.Text, m.URL, m.Line))
			tab.mu.Unlock()
		}
	}()
	b.t.Cleanup(tab.checkConsole)
	for _, script := range scripts {
		tab.do() // there has to be a tab to call
		if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
			b.t.Fatal(err)
		}
	}
	tab.Navigate(url)
	return tab
}

// startBrowserTab starts a browser on a profile and opens a tab in it.
func startBrowserTab(t *testing.T, profile, url string) *Tab {
	t.Helper()
	return startBrowser(t, profile).Open(url)
}

// Allow lets errors in the console pass that contain one of the texts: those that the test provokes.
func (tab *Tab) Allow(texts ...string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.allowed = append(tab.allowed, texts...)
}

func (tab *Tab) checkConsole() {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	for _, line := range tab.console {
		isError := strings.HasPrefix(line, "error: ") || strings.HasPrefix(line, "exception: ")
		if isError && !slices.ContainsFunc(tab.allowed, func(text string) bool { return strings.Contains(line, text) }) {
			tab.t.Errorf("in the console: %s", line)
		}
	}
	if tab.t.Failed() {
		tab.t.Logf("console:\n%s", strings.Join(tab.console, "\n"))
	}
}

// Navigate goes to a URL and waits until it is loaded.
func (tab *Tab) Navigate(url string) {
	tab.t.Helper()
	tab.do(chromedp.Navigate(url))
}

// Reload loads the page again.
func (tab *Tab) Reload() {
	tab.t.Helper()
	tab.do(chromedp.Reload())
}

// Close closes the tab as its user would.
func (tab *Tab) Close() {
	tab.t.Helper()
	if err := chromedp.Cancel(tab.ctx); err != nil && !errors.Is(err, context.Canceled) {
		tab.t.Errorf("closing the tab: %v", err)
	}
}

func (tab *Tab) do(actions ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	if err := tab.try(actions...); err != nil {
		tab.fail(err)
	}
}

func (tab *Tab) try(actions ...chromedp.Action[chromedp.Void]) error {
	if err := chromedp.Do(tab.ctx); err != nil { // the tab lives as long as the context that it was first used with
		return err
	}
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// eval evaluates a JavaScript expression in the page, waits for its promise, and decodes the JSON of its value.
func eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	v, err := tryEval[T](tab, expression)
	if err != nil {
		tab.fail(fmt.Errorf("%s: %w", expression, err))
	}
	return v
}

func tryEval[T any](tab *Tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Wait waits until a JavaScript expression, which may be a promise, is true in the page.
func (tab *Tab) Wait(condition string) {
	tab.t.Helper()
	_, err := tryEval[bool](tab, fmt.Sprintf(`new Promise((resolve, reject) => {
		const check = async () => {
			try { if (await (%s)) resolve(true); else setTimeout(check, 20); } catch (e) { reject(e); }
		};
		check();
	})`, condition))
	if err != nil {
		tab.fail(fmt.Errorf("waiting for %s: %w", condition, err))
	}
}

// Click clicks the one element that the CSS selector names.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.do(chromedp.Click(chromedp.CSS(selector)))
}

// Type types into the element that the CSS selector names.
func (tab *Tab) Type(selector, text string) {
	tab.t.Helper()
	tab.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Text is the text of the element with the data-testid.
func (tab *Tab) Text(testID string) string {
	tab.t.Helper()
	return eval[string](tab, fmt.Sprintf(`document.querySelector('[data-testid=%q]')?.textContent ?? ""`, testID))
}

// Screenshot writes what the tab shows to a PNG file.
func (tab *Tab) Screenshot(file string) error {
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return err
	}
	return os.WriteFile(file, png, 0o644)
}

// fail ends the test with what the tab shows.
func (tab *Tab) fail(err error) {
	tab.t.Helper()
	file := filepath.Join(os.TempDir(), "millpond-e2e-"+strings.ReplaceAll(tab.t.Name(), "/", "-")+".png")
	if tab.Screenshot(file) == nil {
		tab.t.Logf("the tab, as a picture: %s", file)
	}
	text, _ := tryEval[string](tab, `document.body?.innerText ?? ""`)
	tab.t.Fatalf("%v\nthe tab shows:\n%s", err, text)
}
