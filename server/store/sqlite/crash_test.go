package sqlite

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/millpond-dev/millpond/server/store"
	"github.com/millpond-dev/millpond/server/store/storetest"
)

var (
	kills = flag.Int("sqlite.kills", 10, "how often TestKilledProcessLosesNothing kills a process")
	cuts  = flag.Int("sqlite.cuts", 1000, "at how many moments TestPowerLoss cuts the power")
)

// childEnv makes the test binary a child that writes to the data directory that it names, until it is killed.
const childEnv = "MILLPOND_TEST_WRITE_TO"

func childMain() {
	dir := os.Getenv(childEnv)
	if dir == "" {
		return
	}
	s, err := Open(dir)
	if err == nil {
		err = storetest.Write(s, os.Stdout)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// output keeps what a child printed and says when it has printed enough.
type output struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	enough chan struct{} // closed once lines newlines are there
	lines  int
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.lines
	o.lines -= bytes.Count(p, []byte("\n"))
	if before > 0 && o.lines <= 0 {
		close(o.enough)
	}
	return o.buf.Write(p)
}

// startChild starts a child and returns when it has committed some times.
func startChild(t *testing.T, dir string, commits int) (*exec.Cmd, *output) {
	t.Helper()
	out := &output{enough: make(chan struct{}), lines: commits}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+dir)
	child.Stdout, child.Stderr = out, os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	<-out.enough
	return child, out
}

// S1: success is only reported once durable: what was acknowledged is there after the process was killed, wherever in its work
// that was.
func TestKilledProcessLosesNothing(t *testing.T) {
	for round := range *kills {
		dir := t.TempDir()
		child, out := startChild(t, dir, 1+rand.IntN(200))
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		child.Wait()
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		acknowledged := storetest.Acknowledged(&out.buf)
		if err := storetest.Verify(s, acknowledged, storetest.Begun(acknowledged)); err != nil {
			t.Errorf("round %d, killed after offset %d: %v", round, acknowledged, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A second process on the same directory is refused, with what to do, and the first one goes on.
func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	child, _ := startChild(t, dir, 1)
	_, err := Open(dir)
	if !errors.Is(err, store.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
	var detail *store.Error
	if !errors.As(err, &detail) || detail.Path != dir || detail.Hint == "" {
		t.Errorf("got %+v, want the directory and a hint", detail)
	}
	child.Process.Kill()
	child.Wait()
	s, err := Open(dir) // a dead process holds no lock
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, store.ErrLocked) {
		t.Errorf("in the same process: got %v, want ErrLocked", err)
	}
	s.Close()
}

// A power cut may leave any part of the WAL's tail unwritten: what opens is a prefix of whole transactions.
func TestTornWAL(t *testing.T) {
	dir := t.TempDir()
	child, _ := startChild(t, dir, 50)
	child.Process.Kill()
	child.Wait()
	database, err := os.ReadFile(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(filepath.Join(dir, databaseFile+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		torn := bytes.Clone(wal)
		at := len(wal) * i / 20
		if i%2 == 0 {
			torn = torn[:at]
		} else {
			clear(torn[at:min(at+512, len(torn))])
		}
		copied := t.TempDir()
		err := errors.Join(os.WriteFile(filepath.Join(copied, databaseFile), database, 0o600),
			os.WriteFile(filepath.Join(copied, databaseFile+"-wal"), torn, 0o600))
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(copied)
		if err != nil {
			t.Fatalf("torn at %d of %d: %v", at, len(wal), err)
		}
		if err := storetest.Verify(s, 0, math.MaxUint64); err != nil {
			t.Errorf("torn at %d of %d: %v", at, len(wal), err)
		}
		s.Close()
	}
}
