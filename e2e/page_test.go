package e2e

import (
	"fmt"
	"testing"
)

// An event appended in the page, by HTTP or by the command line is durable on the server, comes back through the
// websocket into the SQLite database in OPFS, and a live query shows it in the page.
func TestAppendIsShownInThePage(t *testing.T) {
	s := startServer(t)
	tab := openViewer(startBrowser(t, t.TempDir()), s.URL(), "/living")
	tab.waitOffset("/living", 2) // stream/created and stream/woken

	tab.compose(`{"type":"note","payload":{"from":"page"}}`)
	tab.Wait(`document.querySelector('[data-testid="composer-state"]').textContent.includes('appended')`)
	s.Append("/living", `{"type":"note","payload":{"from":"curl"}}`)
	cli(t, `{"type":"note","payload":{"from":"cli"}}`+"\n", "append", "--url", s.URL(), "--path", "/living", "--ndjson", "-")

	tab.waitCaughtUp(s, "/living")
	for i, from := range []string{"page", "curl", "cli"} {
		tab.Wait(fmt.Sprintf(`document.querySelector('[data-event-offset="%d"]') !== null`, i+3))
		row := value[string](tab, fmt.Sprintf(`SELECT payload ->> 'from' FROM events WHERE offset = %d`, i+3))
		if row != from {
			t.Errorf("event %d is from %q, want %q", i+3, row, from)
		}
	}
	if got := eval[string](tab, `millpond.status.getSnapshot().storage`); got != "opfs" {
		t.Errorf("the mirror's storage is %q, want opfs", got)
	}
	if got := value[string](tab, `PRAGMA integrity_check`); got != "ok" {
		t.Errorf("integrity_check: %s", got)
	}
}

// What the composer cannot append it explains, and nothing is appended.
func TestComposerExplains(t *testing.T) {
	s := startServer(t)
	tab := openViewer(startBrowser(t, t.TempDir()), s.URL(), "/composer")
	tab.waitOffset("/composer", 2)
	for _, c := range []struct{ input, want string }{
		{`{"type":`, "JSON"},
		{`{"payload":1}`, "type"},
		{`{"type":"a","colour":"red"}`, "colour"},
		{`{"type":"stream/created"}`, "belongs to the system"},
		{`{"type":"a","offset":99}`, "99"},
	} {
		tab.compose(c.input)
		tab.Wait(fmt.Sprintf(`document.querySelector('[data-testid="composer-state"]').textContent.includes(%q)`, c.want))
	}
	if got := s.MaxOffset("/composer"); got != 2 {
		t.Errorf("the server's stream ends at %d, want 2: nothing appended", got)
	}
}

// compose puts a text into the composer and appends it.
func (tab *Tab) compose(text string) {
	tab.t.Helper()
	eval[bool](tab, fmt.Sprintf(`(() => {
		const box = document.querySelector('[data-testid="composer-textarea"]');
		Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(box, %q);
		box.dispatchEvent(new Event('input', {bubbles: true}));
		return true;
	})()`, text))
	tab.Click(`[data-testid="stream-composer"] button`)
}

// A path that is not one is explained in the page.
func TestWrongPathInTheURL(t *testing.T) {
	s := startServer(t)
	b := startBrowser(t, t.TempDir())
	tab := b.Open(s.URL() + "/streams/Upper/Case")
	tab.Wait(`document.body.innerText.includes('lowercase')`)
}

// Without WebAssembly the page says so.
func TestNoWebAssembly(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s)
	p.Prefix("index-", `delete globalThis.WebAssembly;`)
	tab := startBrowser(t, t.TempDir()).Open(p.URL + "/streams/a")
	tab.Wait(`document.body.innerText.includes('WebAssembly')`)
}

// Without OPFS the mirror works from memory, and the page says so. B16, in its simple form.
func TestNoOPFS(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s)
	p.Prefix("worker-", `delete StorageManager.prototype.getDirectory;`)
	tab := openViewer(startBrowser(t, t.TempDir()), p.URL, "/memory")
	s.Append("/memory", batch("note", 0, 100))
	tab.waitCaughtUp(s, "/memory")
	if got := eval[string](tab, `millpond.status.getSnapshot().storage`); got != "memory" {
		t.Errorf("the mirror's storage is %q, want memory", got)
	}
	tab.Wait(`document.body.innerText.toLowerCase().includes('memory')`)
}

// Ten thousand imported events arrive in order; a reload shows them with the websocket blocked, before the network is used.
func TestImport(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s)
	tab := openViewer(startBrowser(t, t.TempDir()), p.URL, "/import")
	cli(t, ndjson("line", 0, 10_000), "append", "--url", s.URL(), "--path", "/import", "--ndjson", "-")
	tab.waitCaughtUp(s, "/import")
	if got := value[int](tab, `SELECT count(*) FROM events`); got != 10_002 {
		t.Errorf("the mirror has %d events, want 10,002", got)
	}
	tab.Wait(`document.querySelector('[data-testid="event-count"]').textContent.replace(/\D/g, '').includes('10002')`)
	if n := eval[int](tab, `document.querySelectorAll('[data-testid="virtual-row"]').length`); n == 0 || n >= 120 {
		t.Errorf("%d rows in the DOM, want 1 to 119", n)
	}

	p.BlockWebsocket(true)
	tab.Allow("WebSocket connection", "503")
	tab.Reload()
	tab.waitAttached()
	tab.Wait(`document.querySelector('[data-event-offset="10002"]') !== null`)
	if got := eval[string](tab, `millpond.status.getSnapshot().connection`); got == "connected" {
		t.Errorf("the mirror is connected through a blocked websocket")
	}
}
