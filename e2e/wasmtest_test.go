package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// wasmPackages are the packages of the mirror whose tests a browser runs too, on OPFS.
var wasmPackages = []string{"mirror/sqlite", "mirror/opfs", "mirror/replica", "mirror/query", "mirror/projection", "mirror/feed", "mirror"}

// noExamples leaves out what needs temporary files of the operating system, as examples do.
const noExamples = "-test.run=^(Test|Fuzz)"

// wasmPatience bounds the run of one package, longer than the timeout that the tests themselves are given.
const wasmPatience = 3 * time.Minute

// The packages that work on SQLite do so in browsers as well: their own tests run in a worker, their databases in OPFS.
func TestPackagesInBrowser(t *testing.T) {
	programs := make(map[string]string)
	for _, pkg := range wasmPackages {
		programs[pkg] = buildWasm(t, pkg)
	}
	inBrowsers(t, func(t *testing.T, start func(testing.TB, string) wasmBrowser) {
		b := start(t, t.TempDir())
		for _, pkg := range wasmPackages {
			args := []string{"-test.v", "-test.timeout=2m", noExamples}
			if pkg == "mirror/sqlite" {
				args = append(args, "-sqlite.copies=wasm")
			}
			t.Run(pkg, func(t *testing.T) { testPackage(t, b, programs[pkg], args) })
		}
	})
}

func testPackage(t *testing.T, b wasmBrowser, wasm string, args []string) {
	page := b.Open(serveWasm(t, wasm))
	defer page.Close()
	code, output := runWasm(t, page, args...)
	if code != 0 {
		t.Errorf("exit code %d:\n%s", code, output)
	} else if testing.Verbose() {
		t.Log(output)
	}
	if !strings.Contains(output, "--- PASS: ") {
		t.Errorf("no test has run:\n%s", output)
	}
}

// The benchmarks of those packages, in browsers.
func BenchmarkPackagesInBrowser(b *testing.B) {
	for name, start := range wasmBrowsers {
		b.Run(name, func(b *testing.B) {
			browser := start(b, b.TempDir())
			for _, pkg := range wasmPackages {
				b.Run(pkg, func(b *testing.B) {
					page := browser.Open(serveWasm(b, buildWasm(b, pkg)))
					defer page.Close()
					code, output := runWasm(b, page, "-test.run=^$", "-test.bench=.")
					if code != 0 {
						b.Fatalf("exit code %d:\n%s", code, output)
					}
					for line := range strings.Lines(output) {
						reportBenchmark(b, strings.Fields(line))
					}
				})
			}
		})
	}
}

// reportBenchmark reports a line such as "BenchmarkName 100 123 ns/op 45 events/s" as a benchmark below b.
func reportBenchmark(b *testing.B, fields []string) {
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return
	}
	b.Run(strings.TrimPrefix(fields[0], "Benchmark"), func(b *testing.B) {
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				b.Fatalf("%v: %v", fields, err)
			}
			b.ReportMetric(value, fields[i+1])
		}
	})
}

// In a browser without modules with several memories, bytes go to SQLite and back by JavaScript: SQLite's tests pass then,
// too. In TestPackagesInBrowser they have the module.
func TestCopiesByScript(t *testing.T) {
	wasm := buildWasm(t, "mirror/sqlite")
	inBrowsers(t, func(t *testing.T, start func(testing.TB, string) wasmBrowser) {
		page := start(t, t.TempDir()).Open(serveWasm(t, wasm))
		ctx, cancel := context.WithTimeout(t.Context(), wasmPatience)
		defer cancel()
		var code int
		err := page.Evaluate(ctx, "run("+quoted("-test.v", "-test.timeout=2m", noExamples, "-sqlite.copies=script")+", 'script')", &code)
		if output := evaluate[string](t, page, "output"); err != nil || code != 0 || !strings.Contains(output, "--- PASS: TestCopies") {
			t.Errorf("%v, exit code %d:\n%s", err, code, output)
		}
	})
}

// Each browser here has modules with several memories; one that has not, copies by JavaScript.
func TestCopiesAreDetected(t *testing.T) {
	wasm := buildWasm(t, "mirror/sqlite/linked")
	inBrowsers(t, func(t *testing.T, start func(testing.TB, string) wasmBrowser) {
		page := start(t, t.TempDir()).Open(serveWasm(t, wasm))
		const copies = `Promise.all([import('/linked.js'), WebAssembly.compileStreaming(fetch('/sqlite.wasm'))])
			.then(([{ instantiateSQLite }, module]) => instantiateSQLite(module, {})).then((sqlite) => sqlite.copies)`
		if got := evaluate[string](t, page, copies); got != "wasm" {
			t.Errorf("copies by %s", got)
		}
		evaluate[any](t, page, `void (WebAssembly.validate = () => false)`)
		if got := evaluate[string](t, page, copies); got != "script" {
			t.Errorf("without several memories, copies by %s", got)
		}
	})
}

// A browser whose quota is used up is what package opfs says it is. B16
func TestQuotaInBrowser(t *testing.T) {
	const bytes = 4 << 20
	tab := startBrowser(t, t.TempDir()).Open(serveWasm(t, buildWasm(t, "mirror/opfs")))
	origin := eval[string](tab, "location.origin")
	override := storage.OverrideQuotaForOriginParams{Origin: origin, QuotaSize: new(float64(bytes))}
	if _, err := chromedp.Call(tab.ctx, storage.OverrideQuotaForOrigin, override); err != nil {
		t.Fatal(err)
	}
	code, output := runWasm(t, chromiumPage{tab}, "-test.v", "-test.timeout=2m", "-test.run=^TestRealQuota$", "-quota")
	if code != 0 || !strings.Contains(output, "--- PASS: TestRealQuota") {
		t.Errorf("exit code %d:\n%s", code, output)
	}
}

// runWasm runs the page's tests in a worker, and returns their exit code and output.
func runWasm(t testing.TB, page wasmPage, args ...string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wasmPatience)
	defer cancel()
	err := page.Evaluate(ctx, runCall(args), &code)
	if reading := page.Evaluate(t.Context(), "output", &output); reading != nil {
		t.Fatal(err, reading)
	}
	if err != nil {
		t.Fatalf("%v; it has written:\n%s", err, output)
	}
	return code, output
}

// runCall is the JavaScript that runs the page's program with arguments.
func runCall(args []string) string { return "run(" + quoted(args...) + ")" }

// quoted is an array of JavaScript.
func quoted(texts ...string) string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = strconv.Quote(text)
	}
	return "[" + strings.Join(list, ",") + "]"
}

// buildWasm builds the tests of a package as the browser's program is built.
func buildWasm(t testing.TB, pkg string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.wasm")
	cmd := exec.Command("go", "test", "-c", "-o", file, "../"+pkg)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%s has no tests under GOOS=js", pkg)
	}
	return file
}

// serveWasm serves a test binary with what runs it, and returns the page's URL.
func serveWasm(t testing.TB, wasm string) string { return serve(t, wasmMux(t, wasm)) }

func serve(t testing.TB, handler http.Handler) string {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// wasmMux has a test binary and what runs it.
func wasmMux(t testing.TB, wasm string) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServer(http.Dir("testdata/wasmtest")))
	for path, file := range map[string]string{
		"/test.wasm":    wasm,
		"/opfs.js":      "../mirror/opfs/opfs.js",
		"/linked.js":    "../mirror/sqlite/linked/linked.js",
		"/copy.js":      "../mirror/sqlite/linked/copy.js",
		"/sqlite.wasm":  "../mirror/sqlite/linked/sqlite.wasm",
		"/wasm_exec.js": filepath.Join(goroot(t), "lib/wasm/wasm_exec.js"),
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	}
	return mux
}

func goroot(t testing.TB) string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env GOROOT: %v", err)
	}
	return strings.TrimSpace(string(out))
}
