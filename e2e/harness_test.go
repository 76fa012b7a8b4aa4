package e2e

import (
	"net/http"
	"net/http/httptest"
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
