package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

// enginePeers are the other engines of e2e/testdata/engine.
var enginePeers = []string{"sqlite-wasm", "wa-sqlite"}

const (
	engineRounds = 3 // of each workload on each engine, in turn, each in a new worker
	engineRuns   = 6 // of the workload in that worker: of the first code is cold, of the last half it is warm
)

// engineWorkload is a workload of mirror/sqlite's BenchmarkWorkload and of testdata/engine/workload.js.
type engineWorkload struct {
	name, unit, what string
	target           string
	rate             bool // more is better
}

var engineWorkloads = []engineWorkload{
	{"insert-1000", "rows/s", "inserts, 300 B, 1000 a transaction, FULL", "≥ 5 × the faster peer", true},
	{"insert-100", "rows/s", "inserts, 100 a transaction", "≥ 3 × the faster peer", true},
	{"insert-1", "rows/s", "inserts, 1 a transaction", "≥ 1.2 × the faster peer", true},
	{"projection", "statements/s", "projection (select, upsert, insert an event), 500 events a transaction", "≥ 4 × the faster peer", true},
	{"range", "ms/query", "range of 100 rows", "≤ 0.1 ms", false},
	{"point", "µs/query", "point select", "≤ 2.5 µs", false},
	{"scan", "ms/query", "json_extract over 20,000 rows", "≤ 1.1 × the faster peer", false},
}

// BenchmarkEngine measures the SQLite engine of the mirror beside its peers, all in one session of Chromium, taking turns:
// medians, of the runs on cold code and of those on warm code.
func BenchmarkEngine(b *testing.B) {
	if _, err := os.Stat("testdata/engine/node_modules"); err != nil {
		b.Fatal("the peers are not installed: make bench-engine does that")
	}
	browser := startBrowser(b, b.TempDir())
	ours := browser.Open(serveWasm(b, buildWasm(b, "mirror/sqlite")))
	peers := browser.Open(serveEngines(b))
	for _, w := range engineWorkloads {
		b.Run(w.name, func(b *testing.B) {
			for b.Loop() {
				cold, warm := map[string][]float64{}, map[string][]float64{}
				modes := map[string]string{}
				add := func(engine string, values []float64) {
					cold[engine] = append(cold[engine], values[0])
					warm[engine] = append(warm[engine], values[len(values)/2:]...)
				}
				for range engineRounds {
					add("millpond", wasmFigures(b, ours, w.unit, "-test.bench=^BenchmarkWorkload$/^"+w.name+"$", "-test.benchtime=1x", fmt.Sprintf("-test.count=%d", engineRuns)))
					for _, peer := range enginePeers {
						r := eval[struct {
							Values []float64
							Mode   string
						}](peers, fmt.Sprintf("measure(%q, %q, %d)", peer, w.name, engineRuns))
						add(peer, r.Values)
						modes[peer] = r.Mode
					}
				}
				reportEngine(b, w, "cold", cold, modes)
				reportEngine(b, w, "warm", warm, modes)
			}
		})
	}
}

// reportEngine reports and records the medians, and the ratio to the faster peer.
func reportEngine(b *testing.B, w engineWorkload, code string, values map[string][]float64, modes map[string]string) {
	own, fastest := median(values["millpond"]), 0.0
	var beside []string
	for _, peer := range enginePeers {
		v := median(values[peer])
		if fastest == 0 || (v > fastest) == w.rate {
			fastest = v
		}
		beside = append(beside, fmt.Sprintf("%s (%s) %s", peer, modes[peer], spread(values[peer], w.unit)))
		b.ReportMetric(v, code+":"+peer+":"+w.unit)
	}
	ratio := own / fastest
	b.ReportMetric(own, code+":"+w.unit)
	b.ReportMetric(ratio, code+":×")
	record(w.what+", "+code, spread(values["millpond"], w.unit), w.target, fmt.Sprintf("× %.2f; %s", ratio, strings.Join(beside, ", ")))
}

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// spread is the median, the least and the most.
func spread(values []float64, unit string) string {
	return fmt.Sprintf("%s %s (%s–%s)", short(median(values)), unit, short(slices.Min(values)), short(slices.Max(values)))
}

func short(v float64) string {
	switch {
	case v >= 10_000:
		return fmt.Sprintf("%.0fk", v/1000)
	case v >= 1000:
		return fmt.Sprintf("%.1fk", v/1000)
	}
	return fmt.Sprintf("%.3g", v)
}

// serveEngines serves the peers' page.
func serveEngines(t testing.TB) string {
	s := httptest.NewServer(http.FileServer(http.Dir("testdata/engine")))
	t.Cleanup(s.Close)
	return s.URL
}
