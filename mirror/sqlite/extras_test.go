package sqlite_test

import (
	_ "embed"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// functions are all functions and collations that SQL may name, one a line: name, number of arguments, kind.
//
//go:embed testdata/functions.txt
var functions string

const listFunctions = `SELECT group_concat(line, char(10)) FROM (
	SELECT DISTINCT name || ' ' || narg || ' ' || type AS line FROM pragma_function_list ORDER BY 1)`

// Every engine has the same functions: SQL that works natively works in the browser.
func TestFunctions(t *testing.T) {
	got := value(t, openMemory(t), listFunctions).(string) + "\n"
	if *update && runtime.GOOS != "js" {
		if err := os.WriteFile("testdata/functions.txt", []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, line := range difference(got, functions) {
		t.Errorf("only here: %s", line)
	}
	for _, line := range difference(functions, got) {
		t.Errorf("missing here: %s", line)
	}
}

// difference are the lines of a that b has not.
func difference(a, b string) (lines []string) {
	have := map[string]bool{}
	for line := range strings.Lines(b) {
		have[line] = true
	}
	for line := range strings.Lines(a) {
		if !have[line] {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// What go-sqlite3 would add to SQLite, no engine has.
func TestExtras(t *testing.T) {
	conn := openMemory(t)
	exec(t, conn, "CREATE TABLE t(x)")
	for sql, want := range map[string]string{
		"SELECT decimal('1.50')":                            "no such function: decimal",
		"SELECT decimal_sum(x) FROM t":                      "no such function: decimal_sum",
		"SELECT ieee754(1.5)":                               "no such function: ieee754",
		"SELECT base64(x'00')":                              "no such function: base64",
		"SELECT 'a' REGEXP 'a'":                             "no such function: REGEXP",
		"SELECT regexpi('a', 'A')":                          "no such function: regexpi",
		"SELECT * FROM generate_series(1, 3)":               "no such table: generate_series",
		"SELECT * FROM generate_series":                     "no such table: generate_series",
		"CREATE VIRTUAL TABLE v USING generate_series":      "no such module: generate_series",
		"SELECT x FROM t ORDER BY x COLLATE uint":           "no such collation sequence: uint",
		"CREATE TABLE d(x COLLATE decimal UNIQUE)":          "no such collation sequence: decimal",
		"SELECT x = x COLLATE time FROM t":                  "no such collation sequence: time",
		"SELECT * FROM fts5('x')":                           "no such table: fts5",
		"CREATE VIRTUAL TABLE v USING fts5(x)":              "no such module: fts5",
		"CREATE VIRTUAL TABLE v USING rtree(id, low, high)": "no such module: rtree",
		"SELECT load_extension('x')":                        "no such function: load_extension",
		"SELECT * FROM dbstat":                              "no such table: dbstat",
		"SELECT * FROM sqlite_dbpage":                       "no such table: sqlite_dbpage",
		"SELECT * FROM sqlite_stmt":                         "no such table: sqlite_stmt",
		"SELECT * FROM bytecode('SELECT 1')":                "no such table: bytecode",
	} {
		if err := runStatement(conn, sql); !errors.Is(err, sqlite.Failed) || err.Error() != "sqlite: "+want {
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
}
