//go:build !js

package linked

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The sources give sqlite.wasm byte for byte, wherever they are compiled.
func TestBuildReproduces(t *testing.T) {
	skipWithoutCompiler(t)
	module := t.TempDir()
	csrc := filepath.Join(module, "some", "where", "else")
	if err := os.CopyFS(csrc, os.DirFS("csrc")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} { // which pin the amalgamation
		data, err := os.ReadFile(filepath.Join("../../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(module, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := t.TempDir()
	build := exec.Command("sh", filepath.Join(csrc, "build.sh"), out)
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if checkedIn, made := read(t, "sqlite.txt"), read(t, filepath.Join(out, "sqlite.txt")); !bytes.Equal(checkedIn, made) {
		t.Errorf("sqlite.txt, checked in:\n%s\nmade:\n%s", checkedIn, made)
	}
	if !bytes.Equal(read(t, "sqlite.wasm"), read(t, filepath.Join(out, "sqlite.wasm"))) {
		t.Error("sqlite.wasm is another than the sources make: make sqlite-wasm")
	}
}

// skipWithoutCompiler skips a test where there is no compiler, or not the one that the checked-in file was made with:
// another one makes other bytes.
func skipWithoutCompiler(t *testing.T) {
	t.Helper()
	versions := map[string][]string{
		"compiler": {"clang-19", "--version"},
		"linker":   {"wasm-ld-19", "--version"},
		"libc":     {"dpkg-query", "-W", "-f", "wasi-libc ${Version}", "wasi-libc"},
	}
	for line := range strings.Lines(string(read(t, "sqlite.txt"))) {
		part, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		command := versions[part]
		if command == nil {
			continue
		}
		out, err := exec.Command(command[0], command[1:]...).Output()
		first, _, _ := strings.Cut(string(out), "\n")
		if want = strings.TrimSpace(want); err != nil {
			t.Skipf("no %s to compile SQLite with, .ci/clang installs it: %v", part, err)
		} else if first != want {
			t.Skipf("sqlite.wasm was made with the %s %q, here is %q", part, want, first)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
