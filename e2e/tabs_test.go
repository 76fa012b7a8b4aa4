package e2e

import (
	"fmt"
	"testing"
)

// waitRole waits until the tab plays a role and its mirror answers.
func (tab *Tab) waitRole(role string) {
	tab.t.Helper()
	tab.Wait(fmt.Sprintf(`millpond.status.getSnapshot().role === %q && millpond.status.getSnapshot().attached`, role))
}

// Two tabs: the first leads, the second follows, reads and appends through it; when the leader closes, the other leads,
// and loses nothing. B12, in its simple form.
func TestTwoTabs(t *testing.T) {
	s := startServer(t)
	b := startBrowser(t, t.TempDir())
	first := openViewer(b, s.URL(), "/tabs")
	first.waitRole("leader")
	second := openViewer(b, s.URL(), "/tabs")
	second.waitRole("follower")

	second.compose(`{"type":"note","payload":{"from":"follower"}}`)
	second.Wait(`document.querySelector('[data-testid="composer-state"]').textContent.includes('appended')`)
	for _, tab := range []*Tab{first, second} {
		tab.waitCaughtUp(s, "/tabs")
		tab.Wait(`document.querySelector('[data-event-offset="3"]') !== null`)
	}

	first.Close()
	second.waitRole("leader")
	s.Append("/tabs", batch("note", 0, 50))
	second.waitCaughtUp(s, "/tabs")
	second.Wait(`document.querySelector('[data-event-offset="53"]') !== null`)

	third := openViewer(b, s.URL(), "/tabs")
	third.waitRole("follower")
	third.waitCaughtUp(s, "/tabs")

	// The leader goes away by a reload; it comes back as the follower of the third.
	second.Reload()
	third.waitRole("leader")
	second.waitRole("follower")
	s.Append("/tabs", batch("note", 50, 50))
	for _, tab := range []*Tab{second, third} {
		tab.waitCaughtUp(s, "/tabs")
	}
}
