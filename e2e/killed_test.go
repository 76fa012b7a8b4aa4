package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

var (
	kills     = flag.Int("kills", 2, "how often TestKilledBrowser kills Chromium, for each synchronous; and Firefox a quarter of it, at least once")
	killsSeed = flag.Uint64("kills.seed", 0, "the seed of when; 0: a random one")
)

const (
	maxTransactionsBeforeKill = 150
	maxPauseBeforeKill        = 4 * time.Millisecond // within the next transaction or two
)

// A browser is killed at any moment of writing, again and again on one profile: what it has left is sound, exactly the first
// so many transactions, and of those that were acknowledged none is missing. The next start goes on from there. With
// synchronous=NORMAL it is the same, as the machine stays up: see the contract of sqlite.Files.
func TestKilledBrowser(t *testing.T) {
	wasm := buildWasm(t, "mirror/opfs")
	for _, synchronous := range []string{"FULL", "NORMAL"} {
		t.Run(synchronous, func(t *testing.T) {
			for name, start := range wasmBrowsers {
				rounds := *kills
				if name == "Firefox" {
					rounds = max(1, rounds/4)
				}
				t.Run(name, func(t *testing.T) { killAgainAndAgain(t, wasm, synchronous, rounds, start) })
			}
		})
	}
}

// killAgainAndAgain lets a browser write and kills it, so many times, and looks at what the last one has left.
func killAgainAndAgain(t *testing.T, wasm, synchronous string, rounds int, start func(testing.TB, string) wasmBrowser) {
	seed := *killsSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("again: -run '^%s$' -args -kills %d -kills.seed %d", t.Name(), *kills, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	mux := wasmMux(t, wasm)
	url, profile := serve(t, mux), t.TempDir()
	committed := 0 // transactions that were acknowledged
	for round := range rounds + 1 {
		b := start(t, profile)
		w := &writer{t: t, told: make(chan string), ended: make(chan string, 1)}
		path := fmt.Sprintf("/told/%d", round)
		mux.HandleFunc("POST "+path, w.hear)
		w.start(b.Open(url), "-test.v", "-test.run=^TestWritten$", "-written="+synchronous, "-written.tell="+path)
		found := w.next("found")
		if found < committed || found > committed+1 {
			t.Errorf("round %d: %d transactions were acknowledged, %d are there", round, committed, found)
		}
		committed = found
		if round < rounds {
			for range 1 + random.IntN(maxTransactionsBeforeKill) {
				committed = w.next("committed") + 1
			}
			committed += w.killWithin(b, time.Duration(random.Int64N(int64(maxPauseBeforeKill))))
		}
		b.Kill()
		t.Logf("round %d: %d transactions were there, %d at the kill", round, found, committed)
	}
}

// writer is the program in a browser, seen from here.
type writer struct {
	t     *testing.T
	told  chan string
	ended chan string // its output, if it ends
}

// hear passes on what the program tells. The program waits for the answer.
func (w *writer) hear(_ http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return // it was killed meanwhile
	}
	select {
	case w.told <- string(text):
	case <-r.Context().Done():
	}
}

// start runs the program. It does not end but by a failure, or with its browser.
func (w *writer) start(page wasmPage, args ...string) {
	go func() {
		var code int
		var output string
		err := page.Evaluate(context.Background(), runCall(args), &code)
		page.Evaluate(context.Background(), "output", &output)
		w.ended <- fmt.Sprintf("exit code %d, %v:\n%s", code, err, output)
	}()
}

// next is the number in the next message, which has to be of a kind.
func (w *writer) next(kind string) (number int) {
	w.t.Helper()
	select {
	case text := <-w.told:
		if _, err := fmt.Sscanf(text, kind+" %d", &number); err != nil {
			w.t.Fatalf("told %q, want %s", text, kind)
		}
	case output := <-w.ended:
		w.t.Fatal("the program has ended: ", output)
	case <-time.After(patience):
		w.t.Fatal("the program tells nothing")
	}
	return number
}

// killWithin kills the browser after a pause, and returns how many more transactions were acknowledged until then.
func (w *writer) killWithin(b wasmBrowser, pause time.Duration) (more int) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-w.told:
			more++
		case <-timer.C:
			b.Kill()
			return more
		}
	}
}
