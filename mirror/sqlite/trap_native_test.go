//go:build !js

package sqlite_test

import (
	"errors"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// A trap in SQLite ends the program, at once and with a status: no Go code runs on, not even what was deferred, as its
// stack is gone. e2e's TestTrapStartsAnotherWorker has the browser's side.
func TestTrap(t *testing.T) {
	program := buildLinked(t)
	module, err := os.ReadFile("linked/sqlite.wasm")
	if err != nil {
		t.Fatal(err)
	}
	trapping, err := sqlitetest.Trapping(module, "sqlite3_column_double")
	if err != nil {
		t.Fatal(err)
	}
	run := func(module []byte) (string, error) {
		file := filepath.Join(t.TempDir(), "sqlite.wasm")
		if err := os.WriteFile(file, module, 0o600); err != nil {
			t.Fatal(err)
		}
		node := osexec.Command("../opfs/node.mjs", program, "-test.run=^TestCallTrap$", "-trap")
		node.Env = append(os.Environ(), "SQLITE_WASM="+file)
		out, err := node.CombinedOutput()
		return string(out), err
	}
	if out, err := run(module); err != nil || !strings.Contains(out, "the float is 1.5") || !strings.Contains(out, "Go goes on") {
		t.Errorf("without a fault: %v\n%s", err, out)
	}
	var status *osexec.ExitError
	if out, err := run(trapping); !errors.As(err, &status) || status.ExitCode() != 1 || !strings.Contains(out, "RuntimeError: unreachable") || strings.Contains(out, "Go goes on") {
		t.Errorf("with a fault: %v\n%s", err, out)
	}
}
