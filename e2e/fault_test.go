package e2e

import (
	"fmt"
	"testing"
)

// The server is killed and restarted under load, three times: what it acknowledged is there once, and the page's
// mirror ends equal to its log. S1, S2.
func TestServerKilledUnderLoad(t *testing.T) {
	s := startServer(t)
	tab := openViewer(startBrowser(t, t.TempDir()), s.URL(), "/load")
	tab.Allow("WebSocket connection", "ERR_CONNECTION_REFUSED")
	stop := make(chan struct{})
	load := appendSteadily(s, "/load", stop)
	for range 3 {
		tab.waitOffset("/load", s.tryMaxOffset("/load")+50)
		s.Kill()
		s.Start()
	}
	close(stop)
	acknowledged := <-load
	if len(acknowledged) < 100 {
		t.Fatalf("only %d appends were acknowledged: no load", len(acknowledged))
	}
	seen := make(map[string]uint64)
	for _, ev := range s.Log("/load") {
		if ev.IdempotencyKey == "" {
			continue
		}
		if at, twice := seen[ev.IdempotencyKey]; twice {
			t.Errorf("%s is at %d and at %d", ev.IdempotencyKey, at, ev.Offset)
		}
		seen[ev.IdempotencyKey] = ev.Offset
	}
	for key, offset := range acknowledged {
		if seen[key] != offset {
			t.Errorf("%s was acknowledged at %d and is at %d", key, offset, seen[key])
		}
	}
	tab.waitCaughtUp(s, "/load")
}

// With the server gone, a reload shows the page and its data. B15, the reading part.
func TestServerGone(t *testing.T) {
	s := startServer(t)
	tab := openViewer(startBrowser(t, t.TempDir()), s.URL(), "/gone")
	s.Append("/gone", batch("note", 0, 100))
	tab.waitCaughtUp(s, "/gone")
	log := s.Log("/gone")
	tab.Wait(`navigator.serviceWorker.ready.then(r => r.active.state === 'activated')`)
	s.Stop()
	tab.Allow("WebSocket connection", "ERR_CONNECTION_REFUSED", "Failed to load resource")
	tab.Reload()
	tab.waitAttached()
	tab.Wait(`document.querySelector('[data-event-offset="102"]') !== null`)
	if got := value[int](tab, `SELECT count(*) FROM events`); got != len(log) {
		t.Errorf("offline, the mirror has %d events, want %d", got, len(log))
	}
	s.Start()
	s.Append("/gone", batch("note", 100, 10))
	tab.waitCaughtUp(s, "/gone")
}

// The browser is killed while it applies, ten times on one profile: its database is sound, goes on from its position,
// and ends equal to the server's log. The stream grows all the while, so that there is always something to apply.
func TestBrowserKilledWhileApplying(t *testing.T) {
	s := startServer(t)
	profile := t.TempDir()
	stop := make(chan struct{})
	load := appendSteadily(s, "/kill", stop)
	applied := uint64(0)
	for round := range 10 {
		s.Append("/kill", batch("note", round*500, 500))
		tab := openViewer(startBrowser(t, profile), s.URL(), "/kill")
		if got := value[string](tab, `PRAGMA integrity_check`); got != "ok" {
			t.Fatalf("round %d: integrity_check: %s", round, got)
		}
		if first := value[uint64](tab, `SELECT coalesce(max(offset), 0) FROM events`); first < applied {
			t.Errorf("round %d: the mirror went back from %d to %d", round, applied, first)
		}
		tab.waitOffset("/kill", applied+500)
		applied = value[uint64](tab, `SELECT coalesce(max(offset), 0) FROM events`)
		tab.browser.Kill()
	}
	close(stop)
	<-load
	tab := openViewer(startBrowser(t, profile), s.URL(), "/kill")
	tab.waitCaughtUp(s, "/kill")
	if got := value[string](tab, `PRAGMA integrity_check`); got != "ok" {
		t.Errorf("integrity_check: %s", got)
	}
}

// watchMix starts a live query in the page that would see rows of two incarnations together, and notes it.
func (tab *Tab) watchMix(old, new string) {
	tab.t.Helper()
	eval[bool](tab, fmt.Sprintf(`(() => {
		globalThis.mixed = false;
		globalThis.sawNew = false;
		const live = millpond.live("SELECT count(*) FILTER (WHERE type = '%s'), count(*) FILTER (WHERE type = '%s') FROM events");
		live.subscribe(() => {
			const [old, fresh] = live.getSnapshot().result?.rows[0] ?? [0, 0];
			if (old > 0 && fresh > 0) globalThis.mixed = true;
			if (fresh > 0) globalThis.sawNew = true;
		});
		return true;
	})()`, old, new))
}

func (tab *Tab) checkNeverMixed() {
	tab.t.Helper()
	tab.Wait(`globalThis.sawNew`)
	if eval[bool](tab, `globalThis.mixed`) {
		tab.t.Error("events of two incarnations were visible together")
	}
}

// The stream is reset while the mirror is away: the mirror rebuilds, and no event of the old incarnation is ever seen
// beside one of the new. B4.
func TestResetWhileAway(t *testing.T) {
	s := startServer(t)
	p := startProxy(t, s)
	tab := openViewer(startBrowser(t, t.TempDir()), p.URL, "/reset")
	tab.Allow("WebSocket connection", "503")
	s.Append("/reset", batch("old", 0, 1000))
	tab.waitCaughtUp(s, "/reset")
	tab.watchMix("old", "new")
	p.BlockWebsocket(true)
	s.Control("/reset", "reset")
	s.Append("/reset", batch("new", 0, 300)) // fewer than before, and in the next step more
	p.BlockWebsocket(false)
	tab.Wait(`globalThis.sawNew`)
	s.Append("/reset", batch("new", 300, 1000))
	tab.waitCaughtUp(s, "/reset")
	tab.checkNeverMixed()

	// And with the mirror there.
	s.Control("/reset", "reset")
	s.Append("/reset", batch("new", 0, 10))
	tab.Wait(`(millpond.status.getSnapshot().streams.find(s => s.path === '/reset')?.offset ?? 0) === 12`)
	tab.waitCaughtUp(s, "/reset")
}

// The server's data is restored from an older copy and appended to, past the mirror's position: same incarnation, and
// yet another log. The mirror notices by the hash and rebuilds. B4.
func TestServerRestoredFromCopy(t *testing.T) {
	s := startServer(t)
	tab := openViewer(startBrowser(t, t.TempDir()), s.URL(), "/restored")
	tab.Allow("WebSocket connection", "ERR_CONNECTION_REFUSED")
	s.Append("/restored", batch("both", 0, 200))
	s.Stop()
	older := t.TempDir()
	s.CopyData(older)
	s.Start()
	s.Append("/restored", batch("old", 0, 200))
	tab.waitCaughtUp(s, "/restored")
	tab.watchMix("old", "new")

	s.Kill()
	s.RestoreData(older)
	s.Start()
	s.Append("/restored", batch("new", 0, 400))
	tab.Wait(`globalThis.sawNew`)
	tab.waitCaughtUp(s, "/restored")
	tab.checkNeverMixed()
}
