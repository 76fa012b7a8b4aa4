package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// runAsMain makes the test's binary the program: how tests start it as a process of its own.
const runAsMain = "MILLPOND_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runAsMain) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// output is what a command writes, to be read while it does.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{} // closed by the next Write; nil: nobody waits
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.written != nil {
		close(o.written)
		o.written = nil
	}
	return o.text.Write(b)
}

// read is what there is, and a channel that is closed when there is more.
func (o *output) read() (text string, written <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.written == nil {
		o.written = make(chan struct{})
	}
	return o.text.String(), o.written
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// result is what a command has done.
type result struct {
	code     int
	out, err string
}

// invoke runs the program in this process.
func invoke(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, err output
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	code := run(ctx, args, &stdio{strings.NewReader(stdin), &out, &err})
	return result{code, out.String(), err.String()}
}

// must runs the program in this process, and fails the test when that fails.
func must(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	r := invoke(t, stdin, args...)
	if r.code != 0 {
		t.Fatalf("millpond %s: exit %d: %s", strings.Join(args, " "), r.code, r.err)
	}
	return r
}

// process is the program in a process of its own.
type process struct {
	*exec.Cmd
	t      *testing.T
	err    output
	exited chan struct{}
}

func spawn(t *testing.T, stdout io.Writer, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), t: t, exited: make(chan struct{})}
	p.Env = append(os.Environ(), runAsMain+"=1")
	p.Stdout, p.Stderr = stdout, &p.err
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		p.Cmd.Wait()
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		<-p.exited
	})
	return p
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits until the process has exited, for at most the time.
func (p *process) wait(most time.Duration) *os.ProcessState {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(most):
		p.t.Fatalf("still running after %v: %s", most, p.err.String())
	}
	return p.ProcessState
}

// kill ends the process without warning.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.wait(10 * time.Second)
}

// eventually waits until the text appears in what a command writes.
func eventually(t *testing.T, o *output, text string) string {
	t.Helper()
	tooLate := time.After(30 * time.Second)
	for {
		s, written := o.read()
		if strings.Contains(s, text) {
			return s
		}
		select {
		case <-written:
		case <-tooLate:
			t.Fatalf("no %q in %q", text, s)
		}
	}
}

// serve starts a server as a process, and returns its URL when it listens.
func serve(t *testing.T, dir, addr string, flags ...string) (*process, string) {
	t.Helper()
	p := spawn(t, io.Discard, append([]string{"serve", "--data", dir, "--addr", addr, "--log-format", "json"}, flags...)...)
	lines := bufio.NewScanner(strings.NewReader(eventually(t, &p.err, `"listening"`)))
	for lines.Scan() {
		var line struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			return p, line.URL
		}
	}
	t.Fatalf("no URL in %s", p.err.String())
	return nil, ""
}

// event is what the tests look at of a printed event.
type event struct {
	Offset  uint64
	Type    string
	Payload json.RawMessage
}

func parseEvents(t *testing.T, text string) []event {
	t.Helper()
	var events []event
	for line := range strings.Lines(text) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		events = append(events, e)
	}
	return events
}
