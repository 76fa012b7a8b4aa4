package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond/server/store/sqlite"
)

// doctor runs doctor, and reads its report.
func doctor(t *testing.T, path string, code int) sqlite.Report {
	t.Helper()
	r := invoke(t, "", "doctor", "--json", path)
	if r.code != code {
		t.Fatalf("doctor: exit %d, want %d: %s%s", r.code, code, r.out, r.err)
	}
	var report sqlite.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	return report
}

func found(r sqlite.Report, check string) (problems []sqlite.Problem) {
	for _, p := range r.Problems {
		if p.Check == check {
			problems = append(problems, p)
		}
	}
	return problems
}

// Doctor finds nothing in the data of a server that runs, that was killed, and that was closed; and what is broken.
func TestDoctor(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p, url := serve(t, dir, "127.0.0.1:0")
	must(t, lines(100), "append", "--url", url, "--path", "/x", "--ndjson", "-")
	healthy := func(what string) {
		t.Helper()
		r := doctor(t, dir, exitOK)
		if r.Streams != 2 || r.Events < 105 { // with the root
			t.Errorf("%s: %+v", what, r)
		}
		for _, p := range r.Problems {
			if p.Check != "disk" { // that of the test may be full
				t.Errorf("%s: %+v", what, p)
			}
		}
	}
	healthy("running")
	p.kill()
	healthy("killed")
	http.DefaultClient.CloseIdleConnections()
	if out := must(t, "", "doctor", dir).out; !strings.Contains(out, "2 streams, 105 events") || !strings.HasSuffix(out, "nothing is broken\n") {
		t.Errorf("%s", out)
	}

	c, err := sqlite3.Open(sqlite.DatabasePath(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Exec("UPDATE snapshots SET data = x'00'; DELETE FROM log WHERE offset = 50"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := doctor(t, dir, exitBroken)
	if got := found(r, "offsets"); len(got) == 0 || got[0].Stream != "default:/x" || got[0].Offset != 50 || got[0].Severity != sqlite.Broken {
		t.Errorf("offsets: %+v", r)
	}
	if got := found(r, "snapshot"); len(got) != 2 || got[0].Severity != sqlite.Warning {
		t.Errorf("snapshots: %+v", r)
	}
	if got := found(r, "files"); len(got) != 2 || !strings.Contains(got[0].Advice, "chmod 700") || !strings.Contains(got[1].Message, "notes.txt") {
		t.Errorf("files: %+v", r)
	}
	text := invoke(t, "", "doctor", dir)
	for _, want := range []string{"broken [offsets] stream default:/x offset 50: after offset 49 comes 51", "put a backup in its place", "do not start a server"} {
		if !strings.Contains(text.out, want) || text.code != exitBroken {
			t.Errorf("does not say %q: %s", want, text.out)
		}
	}
	if r := invoke(t, "", "backup", "--data", dir, filepath.Join(t.TempDir(), "b.db")); r.code != exitFailed || !strings.Contains(r.err, "after offset 49 comes 51") || !strings.Contains(r.err, "millpond doctor") {
		t.Errorf("a broken database was backed up: %+v", r)
	}
}

// What cannot be checked is said, in one line.
func TestDoctorRefuses(t *testing.T) {
	nonsense := filepath.Join(t.TempDir(), "nonsense.db")
	if err := os.WriteFile(nonsense, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/nonexistent": "/nonexistent",
		t.TempDir():    "is not there: is",
		nonsense:       "no SQLite database",
	} {
		if r := invoke(t, "", "doctor", path); r.code != exitFailed || !strings.Contains(r.err, want) {
			t.Errorf("%s: %+v", path, r)
		}
	}
	if r := invoke(t, "", "backup", "--data", t.TempDir(), filepath.Join(t.TempDir(), "b.db")); r.code != exitFailed || !strings.Contains(r.err, "is not there: is") {
		t.Errorf("a backup of nothing: %+v", r)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := invoke(t, "", "restore", empty, "--data", filepath.Join(t.TempDir(), "new")); r.code != exitFailed ||
		!strings.Contains(r.err, "not a Millpond database") || strings.Contains(r.err, "corrupt") {
		t.Errorf("a restore of something else: %+v", r)
	}
	if r := invoke(t, "", "doctor"); r.code != exitUsage {
		t.Errorf("%+v", r)
	}
}

// A backup of a server that runs is what it had; a restored one serves that, and mirrors that know more are told.
func TestBackupRestore(t *testing.T) {
	dir, restored := t.TempDir(), filepath.Join(t.TempDir(), "data")
	file := filepath.Join(t.TempDir(), "backup.db")
	_, url := serve(t, dir, "127.0.0.1:0")
	must(t, lines(50), "append", "--url", url, "--path", "/x", "--ndjson", "-")
	if r := must(t, "", "backup", "--data", dir, file); !strings.Contains(r.err, "2 streams with 55 events, all checked") {
		t.Errorf("%+v", r)
	}
	must(t, lines(1), "append", "--url", url, "--path", "/x", "--ndjson", "-") // is not in the backup
	if r := invoke(t, "", "backup", "--data", dir, file); r.code != exitFailed || !strings.Contains(r.err, "never overwritten") {
		t.Errorf("%+v", r)
	}
	doctor(t, file, exitOK)
	if r := invoke(t, "", "restore", file, "--data", dir); r.code != exitFailed || !strings.Contains(r.err, "in use") {
		t.Errorf("restored under a running server: %+v", r)
	}
	must(t, "", "restore", file, "--data", restored)
	if r := invoke(t, "", "restore", file, "--data", restored); r.code != exitFailed || !strings.Contains(r.err, "move it away") {
		t.Errorf("%+v", r)
	}
	_, url = serve(t, restored, "127.0.0.1:0")
	checkLines(t, url, 50)
}

// A server that runs is ready; one that does not, not.
func TestReady(t *testing.T) {
	p, url := serve(t, t.TempDir(), "127.0.0.1:0")
	must(t, "", "ready", "--url", url)
	http.DefaultClient.CloseIdleConnections()
	p.kill()
	if r := invoke(t, "", "ready", "--url", url); r.code != exitFailed || !strings.Contains(r.err, "millpond serve") {
		t.Errorf("%+v", r)
	}
	if r := invoke(t, "", "ready", "--url", "://"); r.code != exitUsage {
		t.Errorf("%+v", r)
	}
}

func TestStateAndReset(t *testing.T) {
	_, url := serve(t, t.TempDir(), "127.0.0.1:0")
	must(t, lines(5), "append", "--url", url, "--path", "/x", "--ndjson", "-")
	if r := must(t, "", "state", "--url", url, "--path", "/x"); !strings.Contains(r.out, `    "eventCount": 7,`) || !strings.Contains(r.out, `"connections": {}`) {
		t.Errorf("%s", r.out)
	}
	if r := invoke(t, "", "reset", "--url", url, "--path", "/x"); r.code != exitUsage || !strings.Contains(r.err, "--yes") {
		t.Errorf("%+v", r)
	}
	checkLines(t, url, 5)
	if r := must(t, "", "reset", "--url", url, "--path", "/x", "--yes"); !strings.Contains(r.err, "default:/x was reset") {
		t.Errorf("%+v", r)
	}
	checkLines(t, url, 0)
	for _, command := range [][]string{{"state"}, {"reset", "--yes"}} {
		if r := invoke(t, "", append(command, "--url", url, "--path", "/none")...); r.code != exitFailed || !strings.Contains(r.err, "not_found") {
			t.Errorf("%v: %+v", command, r)
		}
		if r := invoke(t, "", append(command, "--url", "http://127.0.0.1:1", "--path", "/x")...); r.code != exitFailed || !strings.Contains(r.err, "millpond serve") {
			t.Errorf("%v: %+v", command, r)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}
