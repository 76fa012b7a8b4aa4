package query

import (
	"fmt"
	"strings"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// guard is the connection's authorizer. It is installed once and for good, because installing one makes SQLite compile
// every statement of the connection again. Between queries it is others who judge: those are the owner's statements.
type guard struct {
	others func(sqlite.Access) sqlite.Verdict
	phase  phase
	tables map[string]struct{} // that the statement in hand reads
	denied sqlite.Access
}

type phase int

const (
	idle      phase = iota // no query is in hand
	compiling              // a query is being compiled
	running                // SQLite compiles it again when the schema has changed, and table functions compile their own
)

// readPragmas only read, whatever their argument is.
var readPragmas = map[string]bool{
	"collation_list": true, "compile_options": true, "database_list": true, "foreign_key_list": true, "freelist_count": true,
	"function_list": true, "index_info": true, "index_list": true, "index_xinfo": true, "integrity_check": true,
	"module_list": true, "page_count": true, "pragma_list": true, "quick_check": true, "table_info": true,
	"table_list": true, "table_xinfo": true,
}

// valuePragmas change something when they are given a value, and their table functions take none.
var valuePragmas = map[string]bool{
	"application_id": true, "data_version": true, "encoding": true, "journal_mode": true, "page_size": true,
	"schema_version": true, "user_version": true,
}

func (g *guard) authorize(a sqlite.Access) sqlite.Verdict {
	if g.phase == idle {
		return g.others(a)
	}
	switch a.Action {
	case sqlite.Read:
		g.tables[a.Table] = struct{}{}
		return sqlite.Allow
	case sqlite.Select, sqlite.Function, sqlite.Recursive:
		return sqlite.Allow
	case sqlite.Pragma:
		if readPragmas[a.Name] || valuePragmas[a.Name] && g.phase == running { // the table function pragma_… asks
			return sqlite.Allow
		}
	}
	g.denied = a
	return sqlite.Deny
}

// watch has the guard judge what fn compiles or runs, and returns the tables that it reads.
func (g *guard) watch(p phase, fn func() error) (tables map[string]struct{}, err error) {
	g.phase, g.tables, g.denied = p, map[string]struct{}{}, sqlite.Access{}
	defer func() { g.phase, g.tables = idle, nil }()
	err = fn()
	return g.tables, err
}

// refusal says what the statement would have done that it may not.
func refusal(denied sqlite.Access) error {
	what := "this statement"
	switch denied.Action {
	case sqlite.Insert:
		what = "INSERT into " + denied.Table
	case sqlite.Update:
		what = "UPDATE of " + denied.Table
	case sqlite.Delete:
		what = "DELETE from " + denied.Table
	case sqlite.Pragma:
		what = "PRAGMA " + denied.Name
		if valuePragmas[denied.Name] {
			return fmt.Errorf("%w: %s is refused; read its value with SELECT * FROM pragma_%s", ErrNotReadOnly, what, denied.Name)
		}
	}
	if strings.HasPrefix(denied.Table, "sqlite_") {
		what = "a change of the schema"
	}
	return fmt.Errorf("%w: %s is refused; use SELECT, WITH, VALUES or EXPLAIN", ErrNotReadOnly, what)
}
