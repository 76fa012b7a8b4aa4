package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	reportFile    = flag.String("report", "", "write the figures of the benchmarks to this Markdown file")
	reportSection = flag.String("section", "make bench", "the command that measures, whose section of the file is replaced")
)

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
		if err := writeReport(*reportFile, "`"+*reportSection+"`"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// writeReport puts the figures in the file in the place of the section with this title, or at its end.
func writeReport(file, title string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s: %s, %d cores, %s, %s.\n\n| what | measured | target | beside it, in the same run |\n|---|---|---|---|\n",
		title, time.Now().UTC().Format("2006-01-02"), cpu(), runtime.NumCPU(), runtime.Version(), chromiumVersion())
	for _, f := range figures {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.what, f.value, f.target, f.beside)
	}
	sections := strings.Split(string(old), "\n## ") // the first is what stands above all sections
	i := slices.IndexFunc(sections, func(s string) bool { return strings.HasPrefix(s, title+"\n") })
	if i < 0 {
		i, sections = len(sections), append(sections, "")
	}
	sections[i] = b.String()
	return os.WriteFile(file, []byte(strings.Join(sections, "\n## ")), 0o644)
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
