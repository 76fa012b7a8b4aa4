package server

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
)

// slowToClose is a store that closes when the channel is closed.
type slowToClose struct {
	store.Store
	release chan struct{}
}

func (s slowToClose) Close() error {
	<-s.release
	return nil
}

// A server whose disk does not answer says that it is not ready, goes on to answer reads, and can be shut down in bounded time, with
// appends that wait.
func TestStuckStore(t *testing.T) {
	var stuck chan struct{}
	opts := Options{Store: memory.New(memory.Options{BeforeCommit: func(context.Context, []store.Batch) error {
		if stuck != nil {
			<-stuck
		}
		return nil
	}})}
	inBubbleWith(t, 64<<10, opts, func(t *testing.T, s *Server, _ *fakeNet) {
		handler := s.Handler()
		ask := func(method, path, body string) response {
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
			return response{rec.Result(), rec.Body.String()}
		}
		s.appendSome(t, stream1, "1")
		if res := ask("GET", "/readyz", ""); res.StatusCode != 200 {
			t.Errorf("readyz: %s", res.body)
		}
		release := make(chan struct{})
		stuck, s.store = release, slowToClose{opts.Store, release}
		const appends = 3 // one in its commit, and some that wait
		appended := make(chan response, appends)
		for range appends {
			go func() { appended <- ask("POST", "/api/streams/default/x", `{"type":"late"}`) }()
			synctest.Wait()
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if p := ask("GET", "/readyz", "").problem(t); p.Code != millpond.Unavailable || !strings.Contains(p.Detail, "disk does not answer") {
			t.Errorf("readyz: %+v", p)
		}
		for _, path := range []string{"/healthz", "/api/streams/default/x", "/api/state/default/x"} {
			if res := ask("GET", path, ""); res.StatusCode != 200 || strings.Contains(res.body, "late") {
				t.Errorf("%s: %s %s", path, res.Status, res.body)
			}
		}
		if got := scrape(t, s); got["commit_running_seconds"] != 15 || got["queue_requests"] != appends-1 || got["queue_bytes"] <= 0 {
			t.Errorf("the commit has been running for %v s, %v requests of %v bytes wait", got["commit_running_seconds"], got["queue_requests"], got["queue_bytes"])
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("close: %v after %v, want after 10 s", err, time.Since(began))
		}
		close(release)
		for range appends {
			if res := <-appended; res.StatusCode != 200 {
				t.Errorf("an append that has waited: %s", res.body)
			}
		}
	})
}
