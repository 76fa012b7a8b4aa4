package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The helpers themselves work: a browser starts, shows a page, dies, and comes back with what it had stored.
func TestBrowserComesBackOnItsProfile(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<title>page</title><p data-testid="p">hello</p>`))
	}))
	defer page.Close()
	profile := t.TempDir()
	tab := startBrowserTab(t, profile, page.URL)
	if got := tab.Text("p"); got != "hello" {
		t.Errorf("the page shows %q", got)
	}
	eval[bool](tab, `navigator.storage.getDirectory().then(d => d.getFileHandle("f", {create: true})).then(() => true)`)
	tab.browser.Kill()
	tab = startBrowserTab(t, profile, page.URL)
	tab.Wait(`navigator.storage.getDirectory().then(d => d.getFileHandle("f")).then(() => true)`)
}

// Every browser does what the tests of wasm programs ask of it, and tells mistakes.
func TestDrivers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<link rel="icon" href="data:,"><title>%s</title>`, r.URL.Path)
	}))
	defer server.Close()
	inBrowsers(t, func(t *testing.T, start func(testing.TB, string) wasmBrowser) {
		profile := t.TempDir()
		b := start(t, profile)
		one, other := b.Open(server.URL+"/one"), b.Open(server.URL+"/other")
		evaluate[int](t, one, `globalThis.kept = 1`)
		for page, want := range map[wasmPage]string{one: "/one", other: "/other"} {
			if got := evaluate[string](t, page, `Promise.resolve(document.title)`); got != want {
				t.Errorf("the page %q shows %q", want, got)
			}
		}
		one.Navigate(server.URL + "/one")
		if !evaluate[bool](t, one, `globalThis.kept === undefined`) {
			t.Error("navigating to the same page has not loaded it again")
		}
		if err := one.Evaluate(t.Context(), `Promise.reject(new Error('planted'))`, nil); err == nil || !strings.Contains(err.Error(), "planted") {
			t.Errorf("a rejected promise: %v", err)
		}
		other.Close()
		const file = `navigator.storage.getDirectory().then(d => d.getFileHandle("f", {create: %t})).then(f => f.name)`
		evaluate[string](t, one, fmt.Sprintf(file, true))
		b.Kill()
		if got := evaluate[string](t, start(t, profile).Open(server.URL), fmt.Sprintf(file, false)); got != "f" {
			t.Errorf("after the kill there is %q", got)
		}
	})
}
