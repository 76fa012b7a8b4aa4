//go:build !js

package mirror

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
)

// The JSON of a status is read by @millpond/client.
func TestStatusJSON(t *testing.T) {
	s := Status{
		Connection: Reconnecting, Epoch: 3, RetryAt: time.Unix(1, 0).UTC(), Storage: StorageMemory, StorageError: &StorageProblem{CodeStorageUnavailable, "no OPFS", OpenAgain}, ReplicaID: "R",
		LastError: &Problem{millpond.Unavailable, "gone", millpond.Retry},
		Streams: []StreamStatus{{Name: pond, State: Rebuilding, MaxOffset: 9,
			Position: millpond.Position{Incarnation: "i", Offset: 7, Hash: 255}}},
	}
	const want = `{"connection":"reconnecting","epoch":3,"lastError":{"code":"unavailable","message":"gone","action":"retry"},` +
		`"retryAt":"1970-01-01T00:00:01Z","storage":"memory","storageError":{"code":"storage_unavailable","message":"no OPFS","action":"open-again"},"replicaId":"R","outbox":{"pending":0,"refused":0,"quarantined":0},"streams":[{"namespace":"default",` +
		`"path":"/pond","state":"rebuilding","incarnation":"i","offset":7,"hash":"00000000000000ff","maxOffset":9}]}`
	if got, err := json.Marshal(s); err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestStatusEqual(t *testing.T) {
	full := func() Status {
		return Status{Connection: Connected, Epoch: 1, LastError: &Problem{Message: "a"}, Streams: []StreamStatus{{Name: pond, LastError: &Problem{}}}}
	}
	a := full()
	for name, change := range map[string]func(*Status){
		"connection":    func(s *Status) { s.Connection = Stopped },
		"epoch":         func(s *Status) { s.Epoch++ },
		"lastError":     func(s *Status) { s.LastError.Message = "b" },
		"no lastError":  func(s *Status) { s.LastError = nil },
		"retryAt":       func(s *Status) { s.RetryAt = time.Unix(1, 0) },
		"storage":       func(s *Status) { s.Storage = StorageOPFS },
		"storageError":  func(s *Status) { s.StorageError = &StorageProblem{} },
		"space":         func(s *Status) { s.Space = &Space{} },
		"appendsLost":   func(s *Status) { s.AppendsLost = 1 },
		"replicaId":     func(s *Status) { s.ReplicaID = "x" },
		"fewer streams": func(s *Status) { s.Streams = nil },
		"name":          func(s *Status) { s.Streams[0].Name = other },
		"state":         func(s *Status) { s.Streams[0].State = Failed },
		"position":      func(s *Status) { s.Streams[0].Hash = 1 },
		"maxOffset":     func(s *Status) { s.Streams[0].MaxOffset = 1 },
		"stale":         func(s *Status) { s.Streams[0].Stale = true },
		"rebuild":       func(s *Status) { s.Streams[0].Rebuild = &Rebuild{} },
		"stream error":  func(s *Status) { s.Streams[0].LastError.Message = "b" },
		"stream retry":  func(s *Status) { s.Streams[0].RetryAt = time.Unix(1, 0) },
	} {
		b := full()
		if !a.Equal(&b) {
			t.Fatal("equal ones differ")
		}
		if change(&b); a.Equal(&b) {
			t.Errorf("%s does not count", name)
		}
	}
}

// A watcher is told the status at once, then each change, and nothing once it has stopped.
func TestWatchStatus(t *testing.T) {
	f := newFakeServer(t)
	m := open(t, f, Options{})
	seen := make(chan Status, 100)
	stop := m.WatchStatus(func(s Status) { seen <- s })
	last := next(t, seen)
	for last.Connection != Connected {
		now := next(t, seen)
		if now.Equal(&last) {
			t.Errorf("told twice of %+v", now)
		}
		last = now
	}
	stop()
	stream(t, m, pond)
	until(t, m, caughtUp(pond, 2))
	for len(seen) > 0 {
		if s := next(t, seen); len(s.Streams) > 0 {
			t.Error("told after stop")
		}
	}
	m.Close()
	if s := m.Status(); s.Connection != Closed {
		t.Errorf("after Close: %+v", s)
	}
	closed := make(chan Status, 1)
	m.WatchStatus(func(s Status) { closed <- s })()
	if s := next(t, closed); s.Connection != Closed {
		t.Errorf("watched after Close: %+v", s)
	}
}

func TestURL(t *testing.T) {
	for base, want := range map[string]string{
		"":                            "",
		"http://localhost:8080":       "ws://localhost:8080/api/ws",
		"https://example.org/sub/?x#": "wss://example.org/sub/api/ws",
		"wss://example.org":           "wss://example.org/api/ws",
	} {
		if got, err := websocketURL(base); err != nil || got != want {
			t.Errorf("%q: %q, %v", base, got, err)
		}
	}
	for _, base := range []string{"localhost:8080", "ftp://x", "http://%"} {
		if _, err := Open(t.Context(), Options{URL: base}); err == nil {
			t.Errorf("%q was taken", base)
		}
	}
}
