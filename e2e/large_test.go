package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
)

// largeText is a JSON text of so many bytes.
func largeText(bytes int) string {
	return `"` + strings.Repeat("0123456789", bytes/10) + strings.Repeat("x", bytes%10-2) + `"`
}

// S6: events of 8 MiB, larger than the credit of a stream, arrive in a native mirror, on several streams at once, among small ones,
// and the copy's hash is the server's.
func TestNativeLargeEvents(t *testing.T) {
	const streams, size = 3, millpond.DefaultEventBytes
	n := startNative(t)
	m, err := mirror.Open(t.Context(), mirror.Options{URL: n.url(), Path: filepath.Join(t.TempDir(), "mirror.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	body := `{"type":"large","payload":` + largeText(size) + `}`
	for i := range streams { // some are there before, some come live
		path := fmt.Sprintf("/large/%d", i)
		post := func() {
			n.post("/api/streams/default"+path, `{"type":"small"}`)
			n.post("/api/streams/default"+path, body)
			n.post("/api/streams/default"+path, `{"type":"small"}`)
		}
		post()
		if _, err := m.Stream(millpond.Name{Namespace: "default", Path: path}); err != nil {
			t.Fatal(err)
		}
		post()
	}
	for i := range streams {
		waitFor(t, "all events of a stream", func() bool {
			return cell(t, m, "SELECT count(*) FROM events AS e JOIN streams AS s ON s.id = e.stream_id WHERE s.path = ?", fmt.Sprintf("/large/%d", i)) == 2+6
		})
	}
	if got := cell(t, m, `SELECT count(*) FROM events WHERE type = 'large' AND length(json(payload)) = ?`, int64(size)); got != 2*streams {
		t.Errorf("%d large events are whole, want %d", got, 2*streams)
	}
	for _, s := range m.Status().Streams {
		if s.State != mirror.Subscribed || s.Offset != 8 {
			t.Errorf("%+v", s)
		}
	}
}

// S6: a mirror with a limit of its own stops before an event that is over it, says so, and has all that is before it.
func TestNativeLimitOfMirror(t *testing.T) {
	n := startNative(t)
	n.post("/api/streams/default/native", `{"type":"small"}`)
	n.post("/api/streams/default/native", `{"type":"large","payload":`+largeText(2<<20)+`}`)
	m, err := mirror.Open(t.Context(), mirror.Options{URL: n.url(), MaxEventBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Stream(nativeStream); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the refusal", func() bool { return m.Status().Streams[0].State == mirror.Failed })
	if s := m.Status().Streams[0]; s.LastError == nil || !strings.Contains(s.LastError.Message, "over the limit") || s.Offset != 3 {
		t.Errorf("%+v, %+v", s, s.LastError)
	}
}

// S6: an event of 8 MiB is in the browser's events table, and the page shows what is around it.
func TestLargeEventInThePage(t *testing.T) {
	s := startServer(t)
	tab := openViewer(startBrowser(t, t.TempDir()), s.URL(), "/large")
	s.Append("/large", `{"type":"note"}`)
	s.Append("/large", `{"type":"large","payload":`+largeText(millpond.DefaultEventBytes)+`}`)
	s.Append("/large", `{"type":"note"}`)
	tab.waitCaughtUp(s, "/large")
	if got := value[int](tab, `SELECT length(json(payload)) FROM events WHERE offset = 4`); got != millpond.DefaultEventBytes {
		t.Errorf("the large event has %d bytes in the mirror, want %d", got, millpond.DefaultEventBytes)
	}
	tab.Wait(`document.querySelector('[data-event-offset="5"]') !== null`)
	if got := value[string](tab, `PRAGMA integrity_check`); got != "ok" {
		t.Errorf("integrity_check: %s", got)
	}
}
