package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// S8: --no-follow prints what there is; offsets and types choose.
func TestTailNoFollow(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	must(t, lines(3), "append", "--url", url, "--path", "/x", "--ndjson", "-")
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "[1 2 3 4 5]"},
		{[]string{"--from-start"}, "[1 2 3 4 5]"},
		{[]string{"--after", "0"}, "[1 2 3 4 5]"},
		{[]string{"--after", "3"}, "[4 5]"},
		{[]string{"--after", "5"}, "[]"},
		{[]string{"--type", "stream/woken"}, "[2]"},
		{[]string{"--type", "stream/woken,line", "--after", "1"}, "[2 3 4 5]"},
		{[]string{"--type", "none"}, "[]"},
	} {
		r := must(t, "", append([]string{"tail", "--url", url, "--path", "/x", "--no-follow"}, test.args...)...)
		got := []uint64{}
		for _, e := range parseEvents(t, r.out) {
			got = append(got, e.Offset)
		}
		if fmt.Sprint(got) != test.want {
			t.Errorf("%v: offsets %v, want %s", test.args, got, test.want)
		}
	}
	if r := invoke(t, "", "tail", "--url", url, "--path", "/x", "--after", "1", "--from-start"); r.code != exitUsage {
		t.Errorf("%+v", r)
	}
	if r := invoke(t, "", "tail", "--url", "http://127.0.0.1:1", "--path", "/x"); r.code != exitFailed || !strings.Contains(r.err, "millpond serve") {
		t.Errorf("%+v", r)
	}
}

// S8: tail prints more than its credit at once, in order.
func TestTailLarge(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	event := `{"type":"a","payload":"` + strings.Repeat("x", 200<<10) + `"}` + "\n"
	must(t, strings.Repeat(event, 20), "append", "--url", url, "--path", "/x", "--ndjson", "-")
	events := parseEvents(t, must(t, "", "tail", "--url", url, "--path", "/x", "--after", "2", "--no-follow").out)
	if len(events) != 20 {
		t.Fatalf("%d events", len(events))
	}
	for i, e := range events {
		if e.Offset != uint64(i)+3 {
			t.Errorf("offset %d at index %d", e.Offset, i)
		}
	}
}

// S8: a tail goes on after the server was killed and started again, without a gap or a duplicate; a reset is told, and
// the new stream begins with its first event.
func TestTailReconnects(t *testing.T) {
	dir := t.TempDir()
	p, url := serve(t, dir, "127.0.0.1:0")
	ctx, stop := context.WithCancel(context.Background())
	var out, err output
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"tail", "--url", url, "--path", "/x", "--from-start"}, &stdio{nil, &out, &err})
	}()
	eventually(t, &p.err, "client connected")
	append1 := func(n int) {
		t.Helper()
		must(t, "", "append", "--url", url, "--path", "/x", "--type", "line", "--event", fmt.Sprintf(`{"n":%d}`, n))
		eventually(t, &out, fmt.Sprintf(`{"n":%d}`, n))
	}
	append1(1)
	p.kill()
	eventually(t, &err, "connecting again")
	http.DefaultClient.CloseIdleConnections()
	_, url = serve(t, dir, strings.TrimPrefix(url, "http://"))
	append1(2)
	seen := parseEvents(t, out.String())
	for i, e := range seen {
		if e.Offset != seen[0].Offset+uint64(i) {
			t.Fatalf("offset %d at index %d of %s", e.Offset, i, out.String())
		}
	}
	res, fail := http.Post(url+"/api/control/default/x", "application/json", strings.NewReader(`{"action":"reset"}`))
	if fail != nil || res.StatusCode != 200 {
		t.Fatalf("reset: %v %v", res, fail)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	eventually(t, &err, "other-incarnation")
	append1(3)
	again := parseEvents(t, out.String())[len(seen):]
	for i, e := range again {
		if e.Offset != uint64(i)+1 {
			t.Fatalf("offset %d at index %d after the reset", e.Offset, i)
		}
	}
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit %d: %s", code, err.String())
	}
}

// Who reads what tail prints may go away: tail ends quietly.
func TestTailPipe(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	tail := spawn(t, write, "tail", "--url", url, "--path", "/x", "--from-start")
	write.Close()
	if _, err := read.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	read.Close()
	must(t, "", "append", "--url", url, "--path", "/x", "--event", `{"type":"a"}`)
	tail.wait(10 * time.Second)
	if text := tail.err.String(); text != "" {
		t.Errorf("says %q", text)
	}
}
