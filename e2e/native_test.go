package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
	"github.com/millpond-dev/millpond/server"
)

// The mirror against the server, both natively and in this process: no browser, no binary.

var nativeStream = millpond.Name{Namespace: "default", Path: "/native"}

// nativeServer is a server that can be stopped and started again on its address.
type nativeServer struct {
	t      *testing.T
	addr   string
	data   string
	server *server.Server
	served chan error
}

func startNative(t *testing.T) *nativeServer {
	n := &nativeServer{t: t, addr: freeAddr(t), data: filepath.Join(t.TempDir(), "data")}
	n.start()
	t.Cleanup(n.stop)
	return n
}

func (n *nativeServer) url() string { return "http://" + n.addr }

func (n *nativeServer) start() {
	n.t.Helper()
	s, err := server.New(server.Options{Data: n.data, Logger: slog.New(slog.NewTextHandler(n.t.Output(), nil))})
	if err != nil {
		n.t.Fatal(err)
	}
	l, err := net.Listen("tcp", n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	n.server, n.served = s, make(chan error, 1)
	go func() { n.served <- s.Serve(l) }()
}

func (n *nativeServer) stop() {
	if n.server == nil {
		return
	}
	if err := n.server.Close(context.Background()); err != nil {
		n.t.Error(err)
	}
	if err := <-n.served; err != nil {
		n.t.Error(err)
	}
	n.server = nil
}

func (n *nativeServer) post(path string, body string) {
	n.t.Helper()
	resp, err := http.Post(n.url()+path, "application/json", bytes.NewReader([]byte(body)))
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		n.t.Fatalf("POST %s: %s: %s", path, resp.Status, text)
	}
}

func (n *nativeServer) append(count int, kind string) {
	n.t.Helper()
	for count > 0 {
		inputs := make([]millpond.Input, min(count, millpond.MaxBatchEvents))
		for i := range inputs {
			inputs[i] = millpond.Input{Type: kind, Payload: fmt.Appendf(nil, `{"left":%d}`, count-i)}
		}
		body, err := json.Marshal(inputs)
		if err != nil {
			n.t.Fatal(err)
		}
		n.post("/api/streams/default/native", string(body))
		count -= len(inputs)
	}
}

// openNative opens a mirror of the server with the stream open. Path is its file; empty: in memory.
func openNative(t *testing.T, n *nativeServer, path string) (*mirror.Mirror, *mirror.Stream) {
	t.Helper()
	m, err := mirror.Open(t.Context(), mirror.Options{URL: n.url(), Path: path, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	s, err := m.Stream(nativeStream)
	if err != nil {
		t.Fatal(err)
	}
	return m, s
}

// caughtUp waits until the mirror has all that the server has, at least count events of the kind, and returns its stream.
func caughtUp(t *testing.T, m *mirror.Mirror, kind string, count int64) mirror.StreamStatus {
	t.Helper()
	changed := make(chan mirror.Status, 1)
	defer m.WatchStatus(func(s mirror.Status) {
		select {
		case <-changed:
		default:
		}
		changed <- s
	})()
	deadline := time.After(time.Minute)
	for {
		select {
		case s := <-changed:
			st := s.Streams[0]
			if st.State == mirror.Subscribed && st.Offset == st.MaxOffset && count <= cell(t, m, "SELECT count(*) FROM events WHERE type = ?", kind) {
				return st
			}
		case <-deadline:
			t.Fatalf("the mirror does not catch up: %+v", m.Status())
		}
	}
}

func cell(t *testing.T, m *mirror.Mirror, sql string, params ...any) int64 {
	t.Helper()
	r, err := m.Query(context.Background(), sql, params...)
	if err != nil {
		t.Fatal(err)
	}
	return r.Rows[0][0].(int64)
}

// whole checks that the copy is exactly the offsets from 1 to its position, and all of them of the kind but for those of
// the system.
func whole(t *testing.T, m *mirror.Mirror, st mirror.StreamStatus, kind string) {
	t.Helper()
	sql := `SELECT count(*) FROM events WHERE offset BETWEEN 1 AND ? AND (type = ? OR type LIKE 'stream/%')`
	if n := cell(t, m, sql, int64(st.Offset), kind); n != int64(st.Offset) {
		t.Errorf("%d rows are right, the position is %d", n, st.Offset)
	}
	if n := cell(t, m, "SELECT count(*) FROM events"); n != int64(st.Offset) {
		t.Errorf("%d rows, the position is %d", n, st.Offset)
	}
}

// commit appends, and waits for the server.
func commit(ctx context.Context, s *mirror.Stream, inputs ...millpond.Input) ([]millpond.Event, error) {
	appended, err := s.Append(ctx, inputs...)
	if err != nil {
		return nil, err
	}
	return appended.Wait(ctx)
}

func TestNativeAppendIsSeen(t *testing.T) {
	n := startNative(t)
	m, s := openNative(t, n, "")
	events, err := commit(t.Context(), s, millpond.Input{Type: "mirror", Payload: json.RawMessage(`{"a": 1}`)})
	if err != nil {
		t.Fatal(err)
	}
	n.append(1, "http")
	caughtUp(t, m, "http", 1)
	if offset := cell(t, m, "SELECT offset FROM events WHERE type = 'mirror' AND payload ->> 'a' = 1"); offset != int64(events[0].Offset) {
		t.Errorf("it is at %d, the answer said %d", offset, events[0].Offset)
	}
}

func TestNativeTenThousand(t *testing.T) {
	n := startNative(t)
	n.append(10_000, "x")
	first, _ := openNative(t, n, filepath.Join(t.TempDir(), "mirror.db"))
	a := caughtUp(t, first, "x", 10_000)
	whole(t, first, a, "x")
	second, _ := openNative(t, n, "")
	if b := caughtUp(t, second, "x", 10_000); a.Position != b.Position {
		t.Errorf("one mirror is at %+v, another at %+v", a.Position, b.Position)
	}
}

// The server is stopped and started while a mirror appends and another follows: nothing that was acknowledged is lost,
// nothing is there twice, and no append fails.
func TestNativeServerRestarts(t *testing.T) {
	n := startNative(t)
	_, s := openNative(t, n, "")
	reader, _ := openNative(t, n, "")
	stop := make(chan struct{})
	var writers sync.WaitGroup
	var mu sync.Mutex
	acked := make(map[string]uint64)
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				key := fmt.Sprintf("%d-%d", w, i)
				events, err := commit(context.Background(), s, millpond.Input{Type: "x", IdempotencyKey: key})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked[key] = events[0].Offset
				mu.Unlock()
			}
		})
	}
	for restart := range int64(3) {
		caughtUp(t, reader, "x", 20*(restart+1))
		n.stop()
		n.start()
	}
	caughtUp(t, reader, "x", cell(t, reader, "SELECT count(*) + 20 FROM events"))
	close(stop)
	writers.Wait()
	st := caughtUp(t, reader, "x", int64(len(acked)))
	whole(t, reader, st, "x")
	if n := cell(t, reader, "SELECT count(*) FROM events WHERE type = 'x'"); n != int64(len(acked)) {
		t.Errorf("%d events of %d acknowledged appends", n, len(acked))
	}
	for key, offset := range acked {
		if n := cell(t, reader, "SELECT count(*) FROM events WHERE idempotency_key = ? AND offset = ?", key, int64(offset)); n != 1 {
			t.Errorf("append %s was acknowledged at %d, and is there %d times", key, offset, n)
		}
	}
}

// B4: the stream is reset while the mirror is away.
func TestNativeResetWhileAway(t *testing.T) {
	n := startNative(t)
	path := filepath.Join(t.TempDir(), "mirror.db")
	n.append(100, "old")
	m, _ := openNative(t, n, path)
	before := caughtUp(t, m, "old", 100)
	m.Close()
	n.post("/api/control/default/native", `{"action":"reset"}`)
	n.append(200, "new")
	m, _ = openNative(t, n, path)
	after := caughtUp(t, m, "new", 200)
	if after.Incarnation == before.Incarnation {
		t.Error("the incarnation is the same")
	}
	whole(t, m, after, "new")
}

// B4: the server's data are restored from an older copy and appended to, beyond where the mirror is: createdAt and offsets
// look as if nothing had happened, the hash tells.
func TestNativeRestoredBackup(t *testing.T) {
	n := startNative(t)
	path := filepath.Join(t.TempDir(), "mirror.db")
	n.append(50, "x")
	n.stop()
	backup := filepath.Join(t.TempDir(), "backup")
	if err := os.CopyFS(backup, os.DirFS(n.data)); err != nil {
		t.Fatal(err)
	}
	n.start()
	n.append(50, "lost")
	m, _ := openNative(t, n, path)
	before := caughtUp(t, m, "lost", 50)
	m.Close()
	n.stop()
	n.data = backup
	n.start()
	n.append(100, "x")
	m, _ = openNative(t, n, path)
	after := caughtUp(t, m, "x", 150)
	if after.Incarnation != before.Incarnation {
		t.Error("the incarnation tells, which this test is not about")
	}
	whole(t, m, after, "x")
}
