package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const (
	mirrorRounds = 5       // of each way of applying, in turn with the peers' inserts
	coldEvents   = 100_000 // in the stream of the page's measurements
	liveAppends  = 300
)

// BenchmarkMirrorApply is how fast a worker applies batches of 500 events of 300 bytes, from the frame to the commit, with
// projections, beside the bare inserts of the other engines: medians, all in one session of Chromium.
func BenchmarkMirrorApply(b *testing.B) {
	if _, err := os.Stat("testdata/engine/node_modules"); err != nil {
		b.Fatal("the peers are not installed: make bench-mirror does that")
	}
	browser := startBrowser(b, b.TempDir())
	ours := browser.Open(serveWasm(b, buildWasm(b, "mirror/projection")))
	peers := browser.Open(serveEngines(b))
	ways := []struct{ name, what, target string }{
		{"feed", "events applied, 300 B, batches of 500, with the feed", "≥ 2 × the faster peer's bare inserts"},
		{"go", "events applied, with a projection in Go: a select and an upsert each", "≥ 60k"},
		{"sql", "events applied, with a projection in SQL: an upsert each", "≥ 60k"},
		{"alone", "events applied, without a projection", "–"},
	}
	for b.Loop() {
		values := map[string][]float64{}
		for range mirrorRounds {
			for _, w := range ways {
				v := bestFigure(b, ours, "events/s", "-test.bench=^BenchmarkApply$/^"+w.name+"$", "-test.benchtime=100x")
				values[w.name] = append(values[w.name], v)
			}
			for _, peer := range enginePeers {
				r := eval[struct{ Value float64 }](peers, fmt.Sprintf("measure(%q, 'insert-1000')", peer))
				values[peer] = append(values[peer], r.Value)
			}
		}
		fastest := max(median(values[enginePeers[0]]), median(values[enginePeers[1]]))
		for _, w := range ways {
			own := median(values[w.name])
			b.ReportMetric(own, w.name+":events/s")
			record(w.what, spread(values[w.name], "events/s"), w.target, fmt.Sprintf("× %.2f; bare inserts of %s %s, of %s %s", own/fastest,
				enginePeers[0], spread(values[enginePeers[0]], "rows/s"), enginePeers[1], spread(values[enginePeers[1]], "rows/s")))
		}
	}
}

// BenchmarkMirrorPage measures what a page sees of a worker and a server on this machine: the first copy of a long stream, and
// the way of an append to a live query of the tab that has made it, on a short stream and on the long one.
func BenchmarkMirrorPage(b *testing.B) {
	s := startServer(b)
	const perBatch = 1000
	for first := 0; first < coldEvents; first += perBatch {
		s.Append("/long", batch("note", first, perBatch))
	}
	s.Append("/short", batch("note", 0, 1))
	tab := startBrowser(b, b.TempDir()).Open(s.URL() + "/assets/" + filepath.Base(oneAsset(b, "*.svg")))
	tab.Allow("favicon.ico")
	script, err := os.ReadFile("testdata/mirror/page.js")
	if err != nil {
		b.Fatal(err)
	}
	eval[bool](tab, fmt.Sprintf("globalThis.workerURL = '/assets/%s'; %s; true", filepath.Base(oneAsset(b, "worker-*.js")), script))
	for b.Loop() {
		var cold []float64
		for range mirrorRounds {
			cold = append(cold, eval[float64](tab, fmt.Sprintf("cold('/long', %d)", s.MaxOffset("/long"))))
		}
		b.ReportMetric(median(cold), "cold-ms")
		record("100k events of a stream, from the start of a worker without data to the last row in a live query", spread(cold, "ms"), "≤ 1.5 s", "–")
		short := eval[[]float64](tab, fmt.Sprintf("appendAndSee('/short', %d)", liveAppends))
		reportLatency(b, "append → seen by a live query of the same tab", "≤ 10 / 30 ms", short)
		long := eval[[]float64](tab, fmt.Sprintf("appendAndSee('/long', %d)", liveAppends))
		reportLatency(b, "append → the patch of a live query for the last 100 of 100k events", "≤ 16 ms for run and patch", long)
	}
}

func reportLatency(b *testing.B, what, target string, values []float64) {
	slices.Sort(values)
	p50, p99 := values[len(values)/2], values[len(values)*99/100]
	b.ReportMetric(p50, "p50-ms")
	record(what, fmt.Sprintf("%.1f / %.1f ms (p50 / p99 of %d)", p50, p99, len(values)), target, "the append's way to the server and back is part of it")
}
