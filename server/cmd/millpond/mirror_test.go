package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// count is the one number that a statement answers on a database file.
func count(t *testing.T, file, sql string) int64 {
	t.Helper()
	c, err := sqlite.Open(file, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stmt, _, err := c.Prepare(sql)
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	if !stmt.Step() {
		t.Fatal(stmt.Err())
	}
	return stmt.ColumnInt64(0)
}

// B10 B14: a file has all of several streams when the command ends, and more the next time.
func TestMirrorOnce(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "copy.db")
	must(t, lines(30), "append", "--url", url, "--path", "/a", "--ndjson", "-")
	must(t, lines(20), "append", "--url", url, "--path", "/b", "--ndjson", "-")
	once := []string{"mirror", "--url", url, "--path", "/a", "--path", "/b", "--db", file, "--once"}
	must(t, "", once...)
	if n := count(t, file, "SELECT count(*) FROM log WHERE path IN ('/a', '/b')"); n != 54 {
		t.Errorf("%d events", n)
	}
	must(t, lines(5), "append", "--url", url, "--path", "/b", "--ndjson", "-")
	out := must(t, "", append(once, "--json")...).out
	var s mirror.Status
	if err := json.Unmarshal([]byte(out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]), &s); err != nil || len(s.Streams) != 2 || s.Streams[1].Offset != 27 {
		t.Errorf("status %s, %v", out, err)
	}
	if n := count(t, file, "SELECT count(*) FROM events"); n != 59 {
		t.Errorf("%d events", n)
	}
}

// B4: a stream that was reset meanwhile is copied anew.
func TestMirrorAfterReset(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "copy.db")
	once := []string{"mirror", "--url", url, "--path", "/a", "--db", file, "--once"}
	must(t, lines(3000), "append", "--url", url, "--path", "/a", "--ndjson", "-")
	must(t, "", once...)
	must(t, "", "reset", "--url", url, "--path", "/a", "--yes")
	must(t, lines(7), "append", "--url", url, "--path", "/a", "--ndjson", "-")
	must(t, "", once...)
	if n := count(t, file, "SELECT count(*) FROM events"); n != 9 {
		t.Errorf("%d events", n)
	}
}

// The process is killed in the middle, again and again, and the server, too: at the end the file is whole.
func TestMirrorKilled(t *testing.T) {
	dir := t.TempDir()
	server, url := serve(t, dir, "127.0.0.1:0")
	file := filepath.Join(t.TempDir(), "copy.db")
	args := []string{"mirror", "--path", "/a", "--db", file}
	for range 4 {
		must(t, lines(5000), "append", "--url", url, "--path", "/a", "--ndjson", "-")
		var out output
		p := spawn(t, &out, append(args, "--url", url, "--json")...)
		eventually(t, &out, `"state":"subscribed"`)
		p.kill()
		server.kill()
		server, url = serve(t, dir, "127.0.0.1:0")
	}
	must(t, "", append(args, "--url", url, "--once")...)
	// Each life of the server has woken the stream.
	if n := count(t, file, "SELECT count(*) = max(offset) AND count(DISTINCT offset) = max(offset) AND sum(type = 'line') = 20000 FROM events"); n != 1 {
		t.Errorf("the file has %d events", count(t, file, "SELECT count(*) FROM events"))
	}
	if n := count(t, file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"); n != 1 {
		t.Error("the file is damaged")
	}
}

// What is wrong is told, with what to do.
func TestMirrorErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "copy.db")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--path", "/a"}, exitUsage, "--db"},
		{[]string{"--path", "A", "--db", file}, exitUsage, "path"},
		{[]string{"--path", "/a", "--db", file, "--url", "ftp://x"}, exitUsage, "--url"},
		{[]string{"--path", "/a", "--db", file, "--url", "http://127.0.0.1:1", "--once"}, exitFailed, "millpond serve"},
		{[]string{"--path", "/a", "--db", filepath.Join(file, "none", "x.db"), "--once"}, exitFailed, "--db"},
	} {
		if r := invoke(t, "", append([]string{"mirror"}, c.args...)...); r.code != c.code || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: %+v", c.args, r)
		}
	}
}
