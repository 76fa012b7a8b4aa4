package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/host"
	"github.com/millpond-dev/millpond/server/processors/echo"
)

// withEcho are the options with the processor that replies.
func withEcho(opts Options) Options {
	opts.Processors = append(opts.Processors, millpond.Define[echo.State](echo.Processor{}))
	return opts
}

// poisoned fails at every event that it consumes.
type poisoned struct{}

func (poisoned) Contract() millpond.Contract {
	return millpond.Contract{Slug: "poisoned", Version: "2", Consumes: []string{"x"}}
}

func (poisoned) Reduce(n int, _ *millpond.Event) int { return n + 1 }

func (poisoned) ProcessEvent(context.Context, millpond.Effects, millpond.Step[int]) error {
	return errors.New("secret")
}

// S12, S13, S14: the runtime state tells over HTTP which processors are hosted, how far they are and why one has failed, and
// nothing of its inside.
func TestProcessorsInRuntimeState(t *testing.T) {
	opts := withEcho(Options{Processors: []millpond.Definition{millpond.Define[int](poisoned{})}})
	inBubbleWith(t, 64<<10, opts, func(t *testing.T, s *Server, _ *fakeNet) {
		handler := s.Handler()
		ask := func(method, path, body string) response {
			rec := httptest.NewRecorder()
			req := httptest.NewRequest(method, path, strings.NewReader(body))
			handler.ServeHTTP(rec, req)
			res := response{rec.Result(), rec.Body.String()}
			checkDescribed(t, req, res)
			return res
		}
		runtime := func() map[string]host.Status {
			t.Helper()
			synctest.Wait()
			var answer struct {
				Runtime struct {
					Processors map[string]host.Status `json:"processors"`
				} `json:"runtime"`
			}
			res := ask("GET", "/api/state/default/x", "")
			if err := json.Unmarshal([]byte(res.body), &answer); err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("%s %v %s", res.Status, err, res.body)
			}
			if answer.Runtime.Processors == nil || strings.Contains(res.body, "secret") {
				t.Errorf("the state is %s", res.body)
			}
			return answer.Runtime.Processors
		}
		add := func(body string) {
			t.Helper()
			if res := ask("POST", "/api/streams/default/x", body); res.StatusCode != http.StatusOK {
				t.Fatal(res.body)
			}
		}
		add(`{"type":"x"}`) // 3
		if got := runtime(); len(got) != 0 {
			t.Errorf("hosted without a subscription: %+v", got)
		}
		add(`[{"type":"stream/subscription-configured","payload":{"key":"e","processor":"echo"}},
			{"type":"stream/subscription-configured","payload":{"key":"p","processor":"poisoned"}}]`) // 4, 5; registered: 6, 7
		synctest.Wait()
		add(`[{"type":"echo/requested"},{"type":"x"}]`) // 8, 9; replied: 10
		got := runtime()
		e, p := got["e"], got["p"]
		if want := (host.Status{Processor: millpond.ProcessorID{Slug: "echo", Version: "1"}, Phase: host.Live, Generation: 1, Anchor: 4,
			Offset: 10, Checkpoint: e.Checkpoint}); len(got) != 2 || e != want || e.Checkpoint < 8 {
			t.Errorf("echo: %+v, want %+v", e, want)
		}
		if p.Phase != host.BackingOff || p.Generation != 1 || p.Failures != 1 || p.Lag != 3 || !strings.HasPrefix(p.LastError, "at offset 9") || p.FailedAt == nil {
			t.Errorf("poisoned: %+v", p)
		}
		time.Sleep(time.Minute)
		if p := runtime()["p"]; p.Phase != host.Failed || p.Failures != 3 {
			t.Errorf("poisoned, later: %+v", p)
		}
		if got := scrape(t, s); got[`processors{phase="failed"}`] != 1 || got[`processors{phase="live"}`] != 1 {
			t.Errorf("metrics: %v", got)
		}
		add(`[{"type":"stream/subscription-configured","payload":{"key":"e","processor":null}},
			{"type":"stream/subscription-configured","payload":{"key":"p","processor":null}}]`)
		if got := runtime(); len(got) != 0 {
			t.Errorf("hosted after they were removed: %+v", got)
		}
	})
}

// S13: a processor that the server does not have cannot be configured, and who asks is told.
func TestUnknownProcessor(t *testing.T) {
	ts := start(t, withEcho(Options{}))
	p := ts.do(t, "POST", "/api/streams/default/x", `{"type":"stream/subscription-configured","payload":{"key":"k","processor":"ecco"}}`).problem(t)
	if p.Code != millpond.InvalidEvent || p.Field != "payload.processor" {
		t.Errorf("%+v", p)
	}
}
