package sqlite_test

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// generated is how many statements the engines are compared by, and generatedSeed makes them.
const (
	generated     = 1000
	generatedSeed = 1
)

// differential is what go-sqlite3 answers natively, a line a statement: the statement, a tab, the outcome.
//
//go:embed testdata/differential.txt
var differential string

var update = flag.Bool("update", false, "write testdata/differential.txt anew, natively")

// Every engine answers generated statements as go-sqlite3 does natively: the same rows of the same types, or the same error.
func TestDifferential(t *testing.T) {
	lines := answers(t)
	if *update && runtime.GOOS != "js" {
		if err := os.WriteFile("testdata/differential.txt", []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := strings.Split(strings.TrimSuffix(differential, "\n"), "\n")
	if len(want) != len(lines) {
		t.Fatalf("testdata has %d statements, there are %d: go test ./mirror/sqlite -run TestDifferential -update", len(want), len(lines))
	}
	differ := 0
	for i, line := range lines {
		if line != want[i] {
			if differ++; differ <= 10 {
				t.Errorf("statement %d:\ngot  %s\nwant %s", i, line, want[i])
			}
		}
	}
	if differ > 10 {
		t.Errorf("and %d more", differ-10)
	}
}

// answers runs the statements one after another on one database.
func answers(t *testing.T) (lines []string) {
	conn := openMemory(t)
	exec(t, conn, generatedSchema)
	g := generator{Rand: rand.New(rand.NewPCG(generatedSeed, 0))}
	failed := 0
	for range generated {
		sql := g.statement()
		answer := outcome(conn, sql)
		if strings.HasPrefix(answer, "error ") {
			failed++
		}
		lines = append(lines, strings.ReplaceAll(sql, "\n", " ")+"\t"+answer)
	}
	if failed > generated/3 {
		t.Errorf("%d of %d statements fail: the generator makes too many mistakes", failed, generated)
	}
	return lines
}

// outcome is all rows of a statement with their types, or its error with its codes, as one line. What a statement has
// answered before it failed is part of it.
func outcome(conn sqlite.Conn, sql string, params ...any) string {
	stmt, tail, err := conn.Prepare(sql)
	if err != nil {
		return describeError(err)
	}
	if stmt == nil {
		return "nothing"
	}
	defer stmt.Close()
	for i := range min(stmt.BindCount(), len(params)) {
		if err := bindAny(stmt, i+1, params[i]); err != nil {
			return describeError(err)
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d columns", stmt.ColumnCount())
	for rows := 0; stmt.Step() && rows < maxOutcomeRows; rows++ {
		text.WriteString("; ")
		for i := range stmt.ColumnCount() {
			if i > 0 {
				text.WriteString(", ")
			}
			text.WriteString(describeValue(column(stmt, i)))
		}
	}
	if err := stmt.Err(); err != nil {
		text.WriteString("; " + describeError(err))
	}
	fmt.Fprintf(&text, "; %d changed", conn.Changes())
	if tail != "" {
		text.WriteString("; tail " + strconv.Quote(tail))
	}
	return strings.TrimPrefix(text.String(), "0 columns; ")
}

// maxOutcomeRows bounds what is compared of an endless statement.
const maxOutcomeRows = 100

func describeValue(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return "~" + strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return strconv.QuoteToASCII(v)
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	}
	return "null"
}

func describeError(err error) string {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return "strange error " + err.Error()
	}
	return fmt.Sprintf("error %d %s", e.Extended, strconv.QuoteToASCII(e.Error()))
}

func bindAny(stmt sqlite.Stmt, param int, v any) error {
	switch v := v.(type) {
	case int64:
		return stmt.BindInt64(param, v)
	case float64:
		return stmt.BindFloat(param, v)
	case string:
		return stmt.BindText(param, v)
	case []byte:
		return stmt.BindBlob(param, v)
	}
	return stmt.BindNull(param)
}

// wantVersion is what both engines are: they differ in nothing that a statement can see.
const wantVersion = "3.54.1"

// wantOptions are the compile options that change what SQL means or may do.
var wantOptions = []string{
	"DEFAULT_FOREIGN_KEYS", "DEFAULT_RECURSIVE_TRIGGERS", "DQS=0", "ENABLE_MATH_FUNCTIONS", "ENABLE_STAT4", "LIKE_DOESNT_MATCH_BLOBS",
	"MAX_ATTACHED=10", "MAX_COLUMN=2000", "MAX_COMPOUND_SELECT=500", "MAX_EXPR_DEPTH=1000", "MAX_FUNCTION_ARG=1000", "MAX_LENGTH=1000000000",
	"MAX_LIKE_PATTERN_LENGTH=50000", "MAX_SQL_LENGTH=1000000000", "MAX_TRIGGER_DEPTH=1000", "MAX_VARIABLE_NUMBER=32766", "OMIT_LOAD_EXTENSION",
	"SOUNDEX", "STRICT_SUBTYPE", "TEMP_STORE=1", "USE_URI",
}

func TestVersion(t *testing.T) {
	conn := openMemory(t)
	check(t, "version", value(t, conn, "SELECT sqlite_version()"), wantVersion)
	options := strings.Split(value(t, conn, "SELECT group_concat(compile_options) FROM pragma_compile_options").(string), ",")
	for _, option := range wantOptions {
		if !slices.Contains(options, option) {
			t.Errorf("without the option %s: %s", option, options)
		}
	}
	for pragma, want := range map[string]any{"foreign_keys": int64(1), "page_size": int64(4096), "cache_size": int64(-2000), "encoding": "UTF-8"} {
		check(t, pragma, value(t, conn, "PRAGMA "+pragma), want)
	}
}
