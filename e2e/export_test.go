package e2e

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// A database of a browser, exported or as its file is, opens in native SQLite: it is sound, and holds the same.
func TestExportedDatabase(t *testing.T) {
	wasm := buildWasm(t, "mirror/opfs")
	inBrowsers(t, func(t *testing.T, start func(testing.TB, string) wasmBrowser) {
		var mu sync.Mutex
		sent := map[string][]byte{}
		mux := wasmMux(t, wasm)
		mux.HandleFunc("POST /sent/{what}", func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			sent[r.PathValue("what")] = body
		})
		page := start(t, t.TempDir()).Open(serve(t, mux))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var code int
		if err := page.Evaluate(ctx, runCall([]string{"-test.run=^TestExported$", "-exported=/sent/"}), &code); err != nil || code != 0 {
			t.Fatalf("%v, exit code %d: %s", err, code, evaluate[string](t, page, "output"))
		}
		mu.Lock()
		defer mu.Unlock()
		for _, what := range []string{"backup", "file"} {
			path := filepath.Join(t.TempDir(), "db")
			if err := os.WriteFile(path, sent[what], 0o600); err != nil {
				t.Fatal(err)
			}
			if got := selectOne(t, path, "PRAGMA integrity_check"); got != "ok" {
				t.Errorf("%s, integrity_check: %s", what, got)
			}
			if got := selectOne(t, path, string(sent["query"])); got == "" || got != string(sent["rows"]) {
				t.Errorf("%s: other rows than in the browser: %d bytes, there %d", what, len(got), len(sent["rows"]))
			}
		}
	})
}

// selectOne opens a database and returns the first value of a query.
func selectOne(t *testing.T, path, sql string) string {
	t.Helper()
	conn, err := sqlite.Open(path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stmt, _, err := conn.Prepare(sql)
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	if !stmt.Step() {
		t.Fatal(stmt.Err())
	}
	return stmt.ColumnText(0)
}
