package server

import (
	"context"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/memory"
)

// scrape reads the metrics: their values by name and labels.
func scrape(t testing.TB, s *Server) map[string]float64 {
	t.Helper()
	rec := httptest.NewRecorder()
	s.MetricsHandler().ServeHTTP(rec, httptest.NewRequest("GET", "/metrics", nil))
	if rec.Code != 200 {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	values := map[string]float64{}
	for line := range strings.Lines(rec.Body.String()) {
		if i := strings.LastIndexByte(line, ' '); !strings.HasPrefix(line, "#") {
			v, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
			if err != nil {
				t.Fatal(err)
			}
			values[strings.TrimPrefix(line[:i], "millpond_")] = v
		}
	}
	return values
}

// Each metric counts what it says.
func TestMetrics(t *testing.T) {
	ts := start(t, Options{})
	before := scrape(t, ts.server)
	ts.append(t, "/x", `[{"type":"a"},{"type":"b"},{"type":"c"}]`)
	ts.append(t, "/x", `{"type":"a"}`)
	p := ts.connect(t, millpond.Subprotocol)
	p.send(&millpond.Subscribe{ID: 1, Stream: stream1, After: from(0), Credit: 1}) // enough for one event
	receive[*millpond.Resume](p)
	receive[*millpond.Batch](p)
	p.send(&millpond.Subscribe{ID: 2, Stream: stream1, After: from(999), Credit: 1 << 20})
	receive[*millpond.Rebuild](p)
	receive[*millpond.Batch](p)
	p.send(&millpond.Subscribe{ID: 3, Stream: millpond.Name{Namespace: "NONE"}})
	receive[*millpond.ErrorMessage](p)
	f := ts.follow(t, "")
	f.expect("resume")
	ts.append(t, "/x", `[{"type":"a"},{"type":"b"}]`)
	f.events(7, 8)
	receive[*millpond.Batch](p)
	ts.do(t, "GET", "/api/streams/default/none", "")
	now := scrape(t, ts.server)
	for name, want := range map[string]float64{
		`appends_total`:                                            3,
		`events_total`:                                             11, // five of them the system's own
		`commits_total{result="ok"}`:                               3,
		`commits_total{result="failed"}`:                           0,
		`commit_seconds_count`:                                     3,
		`commit_events_sum`:                                        11,
		`streams_loaded`:                                           2, // with the root
		`subscriptions`:                                            3,
		`subscriber_lag_events`:                                    7,
		`queue_requests`:                                           0,
		`connections{transport="websocket"}`:                       1,
		`connections{transport="sse"}`:                             1,
		`subscribes_total{answer="resume"}`:                        2,
		`subscribes_total{answer="ahead-of-log"}`:                  1,
		`refusals_total{code="invalid_name"}`:                      1,
		`refusals_total{code="not_found"}`:                         1,
		`refusals_total{code="internal"}`:                          0,
		`state_rebuilds_total{reason="corrupt"}`:                   0,
		`evictions_total`:                                          0,
		`processors{phase="live"}`:                                 0,
		`http_requests_total{route="/api/streams/*",status="200"}`: 3,
		`http_requests_total{route="/api/streams/*",status="404"}`: 1,
		`http_received_bytes_total`:                                float64(len(`[{"type":"a"},{"type":"b"},{"type":"c"}]` + `{"type":"a"}` + `[{"type":"a"},{"type":"b"}]`)),
	} {
		got, ok := now[name]
		if got -= before[name]; !ok || got != want {
			t.Errorf("%s: %v (%v), want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{`record_bytes_total`, `tail_bytes`, `http_sent_bytes_total`, `commit_seconds_sum`, `go_goroutines`, `process_open_fds`,
		`client_sent_bytes_total{transport="websocket"}`, `client_received_bytes_total{transport="websocket"}`, `client_sent_bytes_total{transport="sse"}`} {
		if now[name] <= 0 {
			t.Errorf("%s: %v", name, now[name])
		}
	}
	// What clients have counted stays when they are gone.
	ts.close(t)
	after := map[string]traffic{}
	for transport, traffic := range ts.server.clients.traffic() {
		after[transport] = traffic
	}
	for _, transport := range []string{"websocket", "sse"} {
		if got := after[transport]; got.connected != 0 || float64(got.sent) < now[`client_sent_bytes_total{transport="`+transport+`"}`] {
			t.Errorf("%s: %+v", transport, got)
		}
	}
}

// Where they are, and where not.
func TestMetricsPlaces(t *testing.T) {
	ts := start(t, Options{})
	if res := ts.do(t, "GET", "/metrics", ""); res.StatusCode != 404 {
		t.Errorf("metrics are public, unasked: %s", res.Status)
	}
	ts = start(t, Options{PublicMetrics: true})
	if res := ts.do(t, "GET", "/metrics", ""); res.StatusCode != 200 || !strings.Contains(res.body, "millpond_commits_total") || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	registry := prometheus.NewRegistry()
	ts = start(t, Options{Registerer: registry, PublicMetrics: true})
	if ts.server.MetricsHandler() != nil || ts.do(t, "GET", "/metrics", "").StatusCode != 404 {
		t.Error("the metrics are in two places")
	}
	count := func() int {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		return len(families)
	}
	if n := count(); n < 10 {
		t.Errorf("%d families", n)
	}
	if _, err := New(Options{Store: memory.New(memory.Options{}), Registerer: registry}); err == nil {
		t.Error("two servers in one registry")
	}
	ts.close(t)
	if n := count(); n != 0 {
		t.Errorf("%d families are left after Close", n)
	}
}

// The metrics' names follow the rules of Prometheus, and the documentation has each.
func TestMetricsDocumented(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	start(t, Options{Registerer: registry})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if !strings.Contains(string(doc), "`"+family.GetName()+"`") {
			t.Errorf("docs/operations.md has no %s", family.GetName())
		}
		if total := strings.HasSuffix(family.GetName(), "_total"); total != (family.GetType().String() == "COUNTER") || family.GetHelp() == "" {
			t.Errorf("%s is a %s: %s", family.GetName(), family.GetType(), family.GetHelp())
		}
	}
}

// fullStore refuses commits while it is full.
type fullStore struct {
	store.Store
	full atomic.Bool
}

func (s *fullStore) Commit(ctx context.Context, b []store.Batch) error {
	if s.full.Load() {
		return store.ErrFull
	}
	return s.Store.Commit(ctx, b)
}

// A server is ready, unless its log cannot be written, or it drains.
func TestReady(t *testing.T) {
	full := &fullStore{Store: memory.New(memory.Options{})}
	ts := start(t, Options{Store: full})
	if res := ts.do(t, "GET", "/readyz", ""); res.StatusCode != 200 || !strings.Contains(res.body, `"ready"`) {
		t.Errorf("%s %s", res.Status, res.body)
	}
	full.full.Store(true)
	if p := ts.do(t, "POST", "/api/streams/default/x", `{"type":"a"}`).problem(t); p.Code != millpond.Unavailable {
		t.Errorf("%+v", p)
	}
	if p := ts.do(t, "GET", "/readyz", "").problem(t); p.Code != millpond.Unavailable || !strings.Contains(p.Detail, "cannot write") {
		t.Errorf("%+v", p)
	}
	if res := ts.do(t, "GET", "/healthz", ""); res.StatusCode != 200 {
		t.Errorf("not alive because the disk is full: %s", res.Status)
	}
	if got := scrape(t, ts.server); got[`commits_total{result="failed"}`] != 1 || got[`appends_total`] != 0 {
		t.Errorf("%v", got)
	}
	full.full.Store(false)
	ts.append(t, "/x", `{"type":"a"}`)
	if res := ts.do(t, "GET", "/readyz", ""); res.StatusCode != 200 {
		t.Errorf("not ready again: %s", res.body)
	}
	ts.close(t)
	if p := ts.do(t, "GET", "/readyz", "").problem(t); p.Code != millpond.Unavailable || !strings.Contains(p.Detail, "shutting down") {
		t.Errorf("%+v", p)
	}
}
