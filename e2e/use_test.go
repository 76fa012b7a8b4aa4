package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var uses = flag.Int("uses", 24, "how often TestWeekOfUse starts a worker, in each way")

const (
	usesAPage       = 6        // then the page is loaded again
	maxPageGrowth   = 48 << 20 // of all processes of the browser together: less than one worker's memory each four uses
	maxWorkerGrowth = 4 << 20  // of one worker's memory: each starts from nothing
)

// A week of use in small: workers start, open the database, write, close and end, or are terminated in the middle, and the
// page is loaded again now and then. None finds the files in use, and neither the browser's memory nor a worker's grows.
func TestWeekOfUse(t *testing.T) {
	browser := startBrowser(t, t.TempDir())
	page := chromiumPage{browser.Open(serveWasm(t, buildWasm(t, "mirror/opfs")))}
	var worker, whole []int // bytes: of each worker, and of the browser after each page
	for use := range *uses {
		ending := ""
		if use%2 == 1 {
			ending = ", '-used.abort'"
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		var code int
		err := page.Evaluate(ctx, "run(['-test.run=^TestUsed$', '-used=week'"+ending+"])", &code)
		cancel()
		output := evaluate[string](t, page, "output")
		var number, bytes int
		if _, scan := fmt.Sscanf(output, "use %d: %d bytes", &number, &bytes); err != nil || code != 0 || scan != nil || number != use+1 {
			t.Fatalf("use %d: %v, exit code %d:\n%s", use+1, err, code, output)
		}
		worker = append(worker, bytes)
		if (use+1)%usesAPage == 0 {
			page.Navigate(evaluate[string](t, page, "location.href"))
			whole = append(whole, groupMemory(t, browser.cmd.Process.Pid))
		}
	}
	checkFlat(t, "a worker", worker, maxWorkerGrowth)
	checkFlat(t, "the browser", whole, maxPageGrowth)
}

// checkFlat compares the least of the last third with the least of the second: the first is to get warm.
func checkFlat(t *testing.T, what string, bytes []int, maxGrowth int) {
	t.Helper()
	third := len(bytes) / 3
	if third == 0 {
		t.Fatalf("%s: %d measurements are too few", what, len(bytes))
	}
	before, after := slices.Min(bytes[third:2*third]), slices.Min(bytes[2*third:])
	t.Logf("%s: %d MB, then %d MB", what, before>>20, after>>20)
	if after-before > maxGrowth {
		t.Errorf("%s has grown by %d bytes: %v", what, after-before, bytes)
	}
}

// groupMemory is the memory that the processes of a group have, in bytes.
func groupMemory(t *testing.T, group int) (bytes int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("there is no /proc to see the memory of other processes")
	}
	for _, file := range stats {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, fields, _ := strings.Cut(string(stat), ") ") // its name may have spaces
		var state string
		var parent, its, resident int
		fmt.Sscan(fields, &state, &parent, &its)
		if its != group {
			continue
		}
		if statm, err := os.ReadFile(filepath.Join(filepath.Dir(file), "statm")); err == nil {
			var size int
			fmt.Sscan(string(statm), &size, &resident)
			bytes += resident * os.Getpagesize()
		}
	}
	return bytes
}
