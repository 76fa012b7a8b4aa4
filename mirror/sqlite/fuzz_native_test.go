//go:build !js

package sqlite_test

import (
	"bytes"
	"encoding/gob"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var fuzzSeeds = flag.Int("sqlite.fuzz", 20, "how many random seeds FuzzGenerated begins with")

// FuzzStatements lets the browser's engine, in Node, and the native one run the same SQL with the same bound values. Go's
// fuzzer sees the branches of SQLite itself here, as the native engine is SQLite in Go.
func FuzzStatements(f *testing.F) {
	linked := startLinked(f)
	for seed := range uint64(50) {
		f.Add(generate(seed).SQL, int64(seed), float64(seed)/3, "text", []byte("blob"))
	}
	f.Add("; ; SELECT 1; -- nothing more", int64(0), 0.0, "", []byte{})
	for _, sql := range fuzzSQL {
		f.Add(sql, int64(-1), 0.1, "grüße\x00\xff", []byte{0, 1, 0xff})
	}
	f.Fuzz(func(t *testing.T, sql string, i int64, r float64, text string, blob []byte) {
		if unfair.MatchString(sql) {
			t.Skip("the answer depends on more than the database")
		}
		linked.compare(t, fuzzInput{sql, i, r, text, blob})
	})
}

// FuzzGenerated compares the engines by SQL of the generator, which makes fewer mistakes than chance.
func FuzzGenerated(f *testing.F) {
	linked := startLinked(f)
	for range *fuzzSeeds {
		f.Add(rand.Uint64())
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		linked.compare(t, generate(seed))
		if t.Failed() {
			t.Logf("the seed is %d", seed)
		}
	})
}

// fuzzSQL is kinds of SQL that the generator does not make.
var fuzzSQL = []string{
	"SELECT ?1, ?2, ?3, ?4, ?5, typeof(?1), typeof(?2), length(?3), hex(?4), quote(?3)",
	"INSERT INTO t(i, r, x, b) VALUES (?, ?, ?, ?) RETURNING *; SELECT * FROM t ORDER BY id DESC LIMIT 1",
	"CREATE TABLE new(a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE DEFAULT 7, c AS (b * 2)); INSERT INTO new(b) VALUES (?1), (?3); SELECT * FROM new",
	"ALTER TABLE t RENAME COLUMN x TO y; ALTER TABLE t ADD COLUMN z DEFAULT 'z'; ALTER TABLE t DROP COLUMN n; SELECT * FROM t; SELECT sql FROM sqlite_schema",
	"CREATE TRIGGER g AFTER UPDATE ON t BEGIN INSERT INTO u(k, v) VALUES (new.x, old.i); SELECT RAISE(IGNORE); END; UPDATE t SET i = 1; SELECT * FROM u",
	"BEGIN; SAVEPOINT a; DELETE FROM t; ROLLBACK TO a; RELEASE a; DELETE FROM u; ROLLBACK; SELECT count(*) FROM u",
	"CREATE TABLE child(p REFERENCES t(id) ON DELETE CASCADE); INSERT INTO child VALUES (1), (2); DELETE FROM t WHERE id = 1; SELECT * FROM child",
	"WITH RECURSIVE c(i) AS MATERIALIZED (VALUES (1) UNION ALL SELECT i + ?1 FROM c WHERE i > -9) SELECT i, sum(i) OVER (ORDER BY i ROWS 2 PRECEDING) FROM c",
	"REINDEX; ANALYZE; SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY 1, 2; DROP INDEX t_x; DROP TABLE s; DROP VIEW w",
	"SELECT json_extract(?3, '$.a[#-1]'), json(?4), jsonb(?3) ->> '$' FROM json_tree('[1,{\"a\":[2,3]}]') AS j ORDER BY j.id",
	"SELECT * FROM t NATURAL FULL OUTER JOIN s; SELECT * FROM t RIGHT JOIN u USING (x)",
	"UPDATE OR REPLACE s SET id = 1 WHERE id = 2; SELECT * FROM s; INSERT INTO w VALUES (1, 2, 3)",
	"SELECT x LIKE ?3 ESCAPE '\\', x GLOB ?3, substr(?4, ?1, 2), printf('%s %d %f %q', ?3, ?1, ?2, ?4) FROM t",
}

// unfair is SQL whose answer may be another on another machine, in another moment, or by another libm; and what has to do
// with files or with how SQLite was compiled.
var unfair = regexp.MustCompile(`(?i)random|pragma|attach|vacuum|explain|compileoption|sqlite_log|localtime|utc|` +
	`\b(sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|asinh|acosh|atanh|exp|ln|log|log2|log10|pow|power|degrees|radians|median|percentile)\b`)

// linkedProcess is the browser's engine in a process of its own.
type linkedProcess struct {
	mu     sync.Mutex
	in     *gob.Encoder
	out    *gob.Decoder
	kill   func() error
	stderr *bytes.Buffer
}

// buildLinked builds the tests of this package as for the browser. Where Node is missing, it skips the test.
func buildLinked(t testing.TB) (program string) {
	t.Helper()
	if _, err := osexec.LookPath("node"); err != nil {
		t.Skip("the browser's engine needs Node: ", err)
	}
	program = filepath.Join(t.TempDir(), "test.wasm")
	build := osexec.Command("go", "test", "-c", "-o", program, ".")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return program
}

// startLinked starts the browser's engine in Node.
func startLinked(f *testing.F) *linkedProcess {
	f.Helper()
	program := buildLinked(f)
	stderr := new(bytes.Buffer)
	node := osexec.Command("../opfs/node.mjs", program, "-test.run=^TestAnswerFuzz$", "-test.timeout=0", "-answer")
	node.Stderr = stderr
	in, err := node.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := node.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		in.Close() // upon which it ends
		node.Wait()
	})
	p := &linkedProcess{in: gob.NewEncoder(in), out: gob.NewDecoder(out), kill: node.Process.Kill, stderr: stderr}
	p.answer(f, fuzzInput{SQL: "SELECT 1"}) // so that its start counts for no input: Go gives each ten seconds
	return p
}

// linkedPatience is for an engine that hangs: what an input may do is bounded.
const linkedPatience = time.Minute

// answer is the browser's engine's.
func (p *linkedProcess) answer(t testing.TB, input fuzzInput) (answer string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	defer time.AfterFunc(linkedPatience, func() { p.kill() }).Stop()
	err := p.in.Encode(input)
	if err == nil {
		err = p.out.Decode(&answer)
	}
	if err != nil {
		t.Fatalf("the linked engine has ended on %q: %v\n%s", input.SQL, err, p.stderr)
	}
	return answer
}

// compare compares the engines. What the native one answers differently when it is asked again says nothing, nor does what
// has met a bound.
func (p *linkedProcess) compare(t *testing.T, input fuzzInput) {
	t.Helper()
	linked, native := p.answer(t, input), input.answer()
	if linked == native || metBound(linked) || metBound(native) || input.answer() != native {
		return
	}
	t.Errorf("%s\n%s", input.SQL, firstDifference(linked, native))
}

// metBound reports that an engine was stopped, or has had no memory: the two count differently.
func metBound(answer string) bool {
	return strings.Contains(answer, `error 9 "`) || strings.Contains(answer, `error 7 "`)
}

func firstDifference(linked, native string) string {
	a, b := strings.Split(linked, "\n"), strings.Split(native, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("statement %d\nlinked: %s\nnative: %s", i, a[i], b[i])
		}
	}
	return fmt.Sprintf("linked:\n%s\nnative:\n%s", linked, native)
}
