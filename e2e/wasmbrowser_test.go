package e2e

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp"
)

// wasmBrowser is what the tests of wasm programs need of a browser, so that they run in each.
type wasmBrowser interface {
	// Open opens a tab on a URL, and waits until it is loaded.
	Open(url string) wasmPage
	// Kill kills all processes of the browser with SIGKILL. It may be called again.
	Kill()
}

// wasmPage is a tab. Each is addressed for itself: there is no current one to switch to.
type wasmPage interface {
	// Navigate goes to a URL, which may be the same one again, and waits until it is loaded.
	Navigate(url string)
	// Evaluate evaluates JavaScript, waits for its promise, and decodes the JSON of its value into value, if that is not nil.
	Evaluate(ctx context.Context, expression string, value any) error
	// Close closes the tab as its user would.
	Close()
}

// wasmBrowsers start a browser on a profile directory, which must outlive it: OPFS is there.
var wasmBrowsers = map[string]func(t testing.TB, profile string) wasmBrowser{
	"Chromium": func(t testing.TB, profile string) wasmBrowser { return chromium{startBrowser(t, profile)} },
	"Firefox":  func(t testing.TB, profile string) wasmBrowser { return startFirefox(t, profile) },
}

// inBrowsers runs a test in each browser.
func inBrowsers(t *testing.T, test func(t *testing.T, start func(t testing.TB, profile string) wasmBrowser)) {
	for name, start := range wasmBrowsers {
		t.Run(name, func(t *testing.T) { test(t, start) })
	}
}

// evaluate is the value of JavaScript that has to work.
func evaluate[T any](t testing.TB, page wasmPage, expression string) (value T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := page.Evaluate(ctx, expression, &value); err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// chromium is Chromium as a wasmBrowser.
type chromium struct{ *Browser }

func (c chromium) Open(url string) wasmPage { return chromiumPage{c.Browser.Open(url)} }

type chromiumPage struct{ *Tab }

func (p chromiumPage) Evaluate(ctx context.Context, expression string, value any) error {
	inTab, cancel := context.WithCancelCause(p.ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(ctx.Err()) })()
	raw, err := chromedp.Run(inTab, chromedp.Evaluate[json.RawMessage](
		"(async () => await ("+expression+") ?? null)()", chromedp.EvalAwaitPromise))
	if err != nil || value == nil {
		return err
	}
	return json.Unmarshal(raw, value)
}
