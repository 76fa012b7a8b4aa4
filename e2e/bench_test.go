package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkDurableAppends appends single events of 300 bytes over HTTP from 64 connections, each durable before it is
// answered.
func BenchmarkDurableAppends(b *testing.B) {
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

// BenchmarkWasmSize is the size of the worker's program as it is sent.
func BenchmarkWasmSize(b *testing.B) {
	files, err := filepath.Glob("../web/dist/assets/*.wasm.br")
	if err != nil || len(files) != 1 {
		b.Fatalf("%v, want one: run make build (%v)", files, err)
	}
	for b.Loop() {
		compressed, err := os.Stat(files[0])
		if err != nil {
			b.Fatal(err)
		}
		whole, err := os.Stat(strings.TrimSuffix(files[0], ".br"))
		if err != nil {
			b.Fatal(err)
		}
		mb := float64(compressed.Size()) / 1e6
		b.ReportMetric(mb, "MB")
		record("the worker's wasm, brotli", fmt.Sprintf("%.2f MB", mb), "≤ 2.6 MB", fmt.Sprintf("%.1f MB uncompressed", float64(whole.Size())/1e6))
	}
}
