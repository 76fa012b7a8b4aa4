package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	millpond "github.com/millpond-dev/millpond"
)

const binary = "../bin/millpond"

// Server is the real binary, serving.
type Server struct {
	t    testing.TB
	Addr string // host:port, the same after a restart
	Data string
	cmd  *exec.Cmd
	log  *logBuffer
}

// startServer starts the binary on a free port and a new data directory.
func startServer(t testing.TB) *Server {
	t.Helper()
	if _, err := os.Stat(binary); err != nil {
		t.Fatal("bin/millpond is missing: run make build first")
	}
	s := &Server{t: t, Addr: freeAddr(t), Data: t.TempDir(), log: new(logBuffer)}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log)
		}
	})
	s.Start()
	return s
}

func freeAddr(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Start starts the server, again after a Kill or Stop, and waits until it is healthy.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = exec.Command(binary, "serve", "--addr", s.Addr, "--data", s.Data)
	s.cmd.Stderr, s.cmd.Stdout = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	waitFor(s.t, "the server to be healthy", func() bool {
		res, err := http.Get(s.URL() + "/healthz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == 200
	})
}

// Kill ends the server with SIGKILL. It may be called again.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// Stop ends the server with SIGTERM and waits for it.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

func (s *Server) end(signal os.Signal) {
	if s.cmd == nil {
		return
	}
	s.cmd.Process.Signal(signal)
	s.cmd.Wait()
	s.cmd = nil
}

// URL is the server's base URL.
func (s *Server) URL() string { return "http://" + s.Addr }

// Append appends events to a path of the default namespace; body is one event or an array of them, as JSON.
func (s *Server) Append(path, body string) {
	s.t.Helper()
	if _, err := post(s.URL()+"/api/streams/default"+path, body); err != nil {
		s.t.Fatal(err)
	}
}

// appendOne appends one event and returns it as committed.
func (s *Server) appendOne(path, body string) (millpond.Event, error) {
	var ev millpond.Event
	answer, err := post(s.URL()+"/api/streams/default"+path, body)
	if err == nil {
		err = json.Unmarshal(answer, &ev)
	}
	return ev, err
}

// Control runs an action on a stream.
func (s *Server) Control(path, action string) {
	s.t.Helper()
	if _, err := post(s.URL()+"/api/control/default"+path, fmt.Sprintf(`{"action":%q}`, action)); err != nil {
		s.t.Fatal(err)
	}
}

func post(url, body string) ([]byte, error) {
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != 200 {
		err = fmt.Errorf("POST %s: %s: %s", url, res.Status, answer)
	}
	return answer, err
}

// MaxOffset is the offset of the stream's last event.
func (s *Server) MaxOffset(path string) uint64 {
	s.t.Helper()
	var answer struct {
		State struct {
			MaxOffset uint64 `json:"maxOffset"`
		} `json:"state"`
	}
	s.get("/api/state/default"+path, &answer)
	return answer.State.MaxOffset
}

func (s *Server) get(path string, into any) {
	s.t.Helper()
	res, err := http.Get(s.URL() + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		s.t.Fatalf("GET %s: %v %s: %s", path, err, res.Status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		s.t.Fatalf("GET %s: %v", path, err)
	}
}

// tryMaxOffset is MaxOffset, or 0 for a stream that does not exist.
func (s *Server) tryMaxOffset(path string) uint64 {
	res, err := http.Get(s.URL() + "/api/state/default" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode == http.StatusNotFound {
		return 0
	}
	return s.MaxOffset(path)
}

// CopyData copies the data directory of a server that is not running.
func (s *Server) CopyData(to string) {
	s.t.Helper()
	if err := os.CopyFS(to, os.DirFS(s.Data)); err != nil {
		s.t.Fatal(err)
	}
}

// RestoreData puts a copy in the place of the data directory of a server that is not running.
func (s *Server) RestoreData(from string) {
	s.t.Helper()
	if err := os.RemoveAll(s.Data); err != nil {
		s.t.Fatal(err)
	}
	if err := os.CopyFS(s.Data, os.DirFS(from)); err != nil {
		s.t.Fatal(err)
	}
}

// cli runs the binary with arguments and an input and returns its standard output.
func cli(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(binary), strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String()
}

// waitFor waits until a condition of another process holds.
func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// logBuffer keeps what a process writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
