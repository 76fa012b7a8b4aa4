package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

var reportFile = flag.String("report", "", "write the figures of the benchmarks to this Markdown file")

// figure is one line of docs/benchmarks.md.
type figure struct {
	what, value, target, beside string
}

var figures []figure

// record notes a figure for docs/benchmarks.md. beside is what was measured in the same run to compare with.
func record(what, value, target, beside string) {
	figures = append(figures, figure{what, value, target, beside})
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if *reportFile != "" && code == 0 {
		if err := writeReport(*reportFile); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func writeReport(file string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

Written by %s on %s: %s, %d cores, %s, %s. Machines are shared and noisy: read the figures with what
was measured beside them in the same run.

| what | measured | target | beside it, in the same run |
|---|---|---|---|
`, "`make bench`", time.Now().UTC().Format("2006-01-02"), cpu(), runtime.NumCPU(), runtime.Version(), chromiumVersion())
	for _, f := range figures {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.what, f.value, f.target, f.beside)
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

func cpu() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

func chromiumVersion() string {
	for _, name := range chromiumNames {
		if out, err := exec.Command(name, "--version").Output(); err == nil {
			version, _, _ := strings.Cut(strings.TrimSpace(string(out)), " built")
			return version
		}
	}
	return "no Chromium"
}
