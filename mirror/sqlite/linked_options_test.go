//go:build js && !gosqlite

package sqlite_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// What docs/decisions/0012-linked-sqlite.md says of the compile options is so.
func TestCompileOptions(t *testing.T) {
	doc, err := os.ReadFile("../../docs/decisions/0012-linked-sqlite.md")
	if err != nil {
		t.Skip("a browser has no files to compare with; Node has: ", err)
	}
	_, block, _ := strings.Cut(string(doc), "```\n")
	block, _, _ = strings.Cut(block, "```")
	const list = "SELECT group_concat(compile_options, ' ') FROM pragma_compile_options WHERE compile_options NOT LIKE 'COMPILER=%'"
	if got, want := strings.Fields(value(t, openMemory(t), list).(string)), strings.Fields(block); !slices.Equal(got, want) {
		t.Errorf("PRAGMA compile_options: %q\nthe decision says: %q", got, want)
	}
}
