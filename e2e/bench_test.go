package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkFigureDurableAppends appends single events of 300 bytes over HTTP from 64 connections, each durable before it is
// answered.
func BenchmarkFigureDurableAppends(b *testing.B) {
	const connections, seconds = 64, 5
	s := startServer(b)
	payload := strings.Repeat("x", 300-len(`{"text":""}`))
	body := fmt.Sprintf(`{"type":"bench","payload":{"text":%q}}`, payload)
	request := []byte(fmt.Sprintf("POST /api/streams/default/bench HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		s.Addr, len(body), body))
	for b.Loop() {
		before := s.tryMaxOffset("/bench")
		var appended atomic.Int64
		var wg sync.WaitGroup
		end := time.Now().Add(seconds * time.Second)
		for range connections {
			wg.Go(func() {
				if err := appendUntil(s.Addr, request, end, &appended); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		if got := s.MaxOffset("/bench"); before > 0 && got != before+uint64(appended.Load()) {
			b.Errorf("%d appends were acknowledged, and the log grew by %d", appended.Load(), got-before)
		}
		rate := float64(appended.Load()) / seconds
		b.ReportMetric(rate, "events/s")
		record("durable single appends over HTTP, 300 B, 64 connections", fmt.Sprintf("%.1fk events/s", rate/1000), "≥ 12k", "–")
	}
}

// appendUntil sends the request again and again on one connection. It speaks HTTP by hand: the client must not take the
// processor time that is measured.
func appendUntil(addr string, request []byte, end time.Time, appended *atomic.Int64) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for time.Now().Before(end) {
		if _, err := c.Write(request); err != nil {
			return err
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("an append was answered %s", res.Status)
		}
		appended.Add(1)
	}
	return nil
}

// BenchmarkFigureWasmSize is the size of what the worker runs, the Go program and SQLite, as it is sent.
func BenchmarkFigureWasmSize(b *testing.B) {
	megabytes := func(name string) float64 {
		info, err := os.Stat(oneAsset(b, name))
		if err != nil {
			b.Fatal(err)
		}
		return float64(info.Size()) / 1e6
	}
	for b.Loop() {
		program, sqlite := megabytes("millpond-*.wasm.br"), megabytes("sqlite-*.wasm.br")
		whole := megabytes("millpond-*.wasm") + megabytes("sqlite-*.wasm")
		b.ReportMetric(program+sqlite, "MB")
		record("the worker's wasm, brotli", fmt.Sprintf("%.2f MB", program+sqlite), "≤ 1.5 MB",
			fmt.Sprintf("the Go program %.2f, SQLite %.2f; %.1f MB uncompressed", program, sqlite, whole))
	}
}

// BenchmarkFigureWorkerStart is the time from the creation of the worker to the answer of its first query, each time in a
// browser that has just been started on a profile in use: its code cache is warm, its processes are not.
func BenchmarkFigureWorkerStart(b *testing.B) {
	s := startServer(b)
	profile := b.TempDir()
	warmCodeCache(b, s, profile)
	program := "/assets/" + filepath.Base(oneAsset(b, "millpond-*.wasm"))
	sqlite := "/assets/" + filepath.Base(oneAsset(b, "sqlite-*.wasm"))
	compile := fmt.Sprintf(`(async () => {
		const start = performance.now();
		await Promise.all([%q, %q].map((url) => WebAssembly.compileStreaming(fetch(url))));
		return performance.now() - start;
	})()`, program, sqlite)
	start := startWorker(b)
	for b.Loop() {
		starts := inNewBrowsers(s, b, profile, start)
		compiles := inNewBrowsers(s, b, profile, compile)
		median := starts[len(starts)/2]
		b.ReportMetric(median, "ms")
		record("worker start to first query, warm code cache, median of 7 browser starts", fmt.Sprintf("%.0f ms (%.0f–%.0f)",
			median, starts[0], starts[len(starts)-1]), "≤ 330 ms", fmt.Sprintf("to fetch and compile the program alone: %.0f ms", compiles[len(compiles)/2]))
	}
}

// warmCodeCache uses the page until the browser has kept the program's machine code: it does so once the code has
// been in use for a while.
func warmCodeCache(b *testing.B, s *Server, profile string) {
	const used, kept = 3, 4 << 20 // sessions; bytes
	for session := range used {
		tab := openViewer(startBrowser(b, profile), s.URL(), "/start")
		for n := range 20 {
			s.Append("/start", batch("note", (session*20+n)*1000, 1000))
		}
		tab.waitOffset("/start", s.MaxOffset("/start"))
		waitFor(b, "the code cache", func() bool {
			files, _ := filepath.Glob(filepath.Join(profile, "Default/Code Cache/wasm/*"))
			size := int64(0)
			for _, file := range files {
				if info, err := os.Stat(file); err == nil {
					size += info.Size()
				}
			}
			return size > kept
		})
		tab.browser.Close()
	}
}

// inNewBrowsers evaluates an expression that is a time in ms, seven times, each in a new process on a page of the origin
// without a mirror of its own, after once that does not count. The times are sorted.
func inNewBrowsers(s *Server, b *testing.B, profile, expression string) (times []float64) {
	page := s.URL() + "/assets/" + filepath.Base(oneAsset(b, "*.svg"))
	for n := range 8 {
		browser := startBrowser(b, profile)
		tab := browser.Open(page)
		tab.Allow("favicon.ico")
		if ms := eval[float64](tab, expression); n > 0 {
			times = append(times, ms)
		}
		browser.Close()
	}
	slices.Sort(times)
	return times
}

// oneAsset is the one built file with a name.
func oneAsset(b *testing.B, name string) string {
	files, err := filepath.Glob("../web/dist/assets/" + name)
	if err != nil || len(files) != 1 {
		b.Fatalf("%v, want one %s: run make build (%v)", files, name, err)
	}
	return files[0]
}

// startWorker is JavaScript that starts a worker with a mirror of its own, queries it, and ends it; its value is the time
// that took in ms.
func startWorker(b *testing.B) string {
	return fmt.Sprintf(`new Promise((resolve, reject) => {
		const start = performance.now();
		const worker = new Worker('/assets/%s', {type: 'module'});
		worker.onerror = e => reject(new Error(e.message));
		worker.onmessage = ({data}) => {
			if (data.kind === 'fatal') reject(new Error(data.message));
			if (data.kind === 'leading') {
				worker.postMessage({kind: 'request', leader: 'l', client: 'c',
					text: JSON.stringify({id: 1, method: 'query', params: {sql: 'SELECT count(*) FROM events', params: []}})});
			}
			if (data.kind === 'answer' && JSON.parse(data.text).id === 1) {
				const ms = performance.now() - start;
				worker.terminate();
				if (JSON.parse(data.text).result) resolve(ms); else reject(new Error(data.text));
			}
		};
		worker.postMessage({kind: 'start', leader: 'l', client: 'c', options: {url: location.origin, name: 'bench'}, urls: {}});
	})`, filepath.Base(oneAsset(b, "worker-*.js")))
}

// BenchmarkFigureBrowserApply is how fast a worker applies batches of 500 events of 300 bytes that it makes itself, beside
// bare inserts of as many rows of that size through the same engine, and the way of both natively.
func BenchmarkFigureBrowserApply(b *testing.B) {
	browser := startBrowser(b, b.TempDir())
	for b.Loop() {
		apply := runWasmBenchmark(b, browser, "mirror/replica", "BenchmarkApply/whole$", "events/s")
		bare := runWasmBenchmark(b, browser, "mirror/sqlite", "BenchmarkInsert", "rows/s")
		b.ReportMetric(apply, "events/s")
		record("events applied in the browser, 300 B, batches of 500, frame to commit", fmt.Sprintf("%.0fk events/s", apply/1000),
			"≥ 100k", fmt.Sprintf("bare inserts in the same browser: %.0fk rows/s (× %.2f)", bare/1000, apply/bare))
	}
}

// runWasmBenchmark runs benchmarks of a package in the browser and returns the best figure in a unit.
func runWasmBenchmark(b *testing.B, browser *Browser, pkg, bench, unit string) float64 {
	tab := browser.Open(serveWasm(b, buildWasm(b, pkg)))
	defer tab.Close()
	return bestFigure(b, tab, unit, "-test.bench="+bench, "-test.benchtime=300x", "-test.count=5")
}

// bestFigure runs benchmarks in a tab that can run them, and returns the largest figure in a unit.
func bestFigure(b *testing.B, tab *Tab, unit string, args ...string) float64 {
	return slices.Max(wasmFigures(b, tab, unit, args...))
}

// wasmFigures runs benchmarks in a tab that can run them, and returns the figures in a unit, one at least.
func wasmFigures(b *testing.B, tab *Tab, unit string, args ...string) (figures []float64) {
	code, output := runWasm(b, chromiumPage{tab}, append(args, "-test.run=^$")...)
	if code != 0 {
		b.Fatalf("exit code %d:\n%s", code, output)
	}
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		for i := 1; i < len(fields); i++ {
			if fields[i] == unit {
				if v, err := strconv.ParseFloat(fields[i-1], 64); err == nil {
					figures = append(figures, v)
				}
			}
		}
	}
	if len(figures) == 0 {
		b.Fatalf("no figure in %s:\n%s", unit, output)
	}
	return figures
}
