package sqlite_test

import (
	"math/rand/v2"
	"strings"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// fuzzInput is SQL for a fresh database with the generator's tables, and what its parameters are bound to, in turn.
type fuzzInput struct {
	SQL   string
	Int   int64
	Float float64
	Text  string
	Blob  []byte
}

// What is run of an input: so many of its statements, and each so many thousands of SQLite's instructions.
const (
	maxFuzzStatements = 8
	maxFuzzProgress   = 2000
)

// answer is what an engine does with an input.
func (in fuzzInput) answer() string {
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		return describeError(err)
	}
	defer conn.Close()
	if err := conn.Exec(generatedSchema); err != nil {
		return describeError(err)
	}
	var lines []string
	for _, sql := range append(in.statements(conn), "PRAGMA integrity_check") {
		asked := 0
		conn.OnProgress(func() bool { asked++; return asked > maxFuzzProgress })
		lines = append(lines, outcome(conn, sql, in.Int, in.Float, in.Text, in.Blob, nil))
	}
	return strings.Join(lines, "\n")
}

// statements are the first of the SQL, each for itself.
func (in fuzzInput) statements(conn sqlite.Conn) (list []string) {
	for rest := in.SQL; rest != "" && len(list) < maxFuzzStatements; {
		stmt, tail, err := conn.Prepare(rest)
		if stmt != nil {
			stmt.Close()
		}
		if err != nil || tail == "" {
			return append(list, rest)
		}
		list = append(list, strings.TrimSuffix(rest, tail))
		rest = tail
	}
	return list
}

// generate makes an input of several statements.
func generate(seed uint64) fuzzInput {
	g := generator{Rand: rand.New(rand.NewPCG(seed, 1))}
	list := make([]string, maxFuzzStatements)
	for i := range list {
		list[i] = g.statement()
	}
	return fuzzInput{SQL: strings.Join(list, ";\n"), Int: int64(g.Uint64()), Float: g.NormFloat64(), Text: "bound"}
}
