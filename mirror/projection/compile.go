package projection

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// judge says what a statement of a projection may do while it is compiled.
type judge struct {
	own    map[string]struct{} // the tables of whose statement is compiled; nil: nobody's
	denied sqlite.Access
}

// readable are table functions, which read what they are given.
var readable = map[string]bool{"json_each": true, "json_tree": true}

func (j *judge) authorize(a sqlite.Access) sqlite.Verdict {
	if j.own == nil {
		return sqlite.Allow
	}
	_, own := j.own[strings.ToLower(a.Table)]
	switch a.Action {
	case sqlite.Select, sqlite.Function, sqlite.Recursive:
		return sqlite.Allow
	case sqlite.Read:
		own = own || readable[a.Table]
	case sqlite.Insert, sqlite.Update, sqlite.Delete:
	default:
		own = false
	}
	if !own {
		j.denied = a
	}
	return sqlite.Verdict(own)
}

// Authorize judges an access, for who owns the connection's authorizer. It allows all that is not done for a projection.
func (s *Set) Authorize(a sqlite.Access) sqlite.Verdict { return s.judge.authorize(a) }

// refusal says what a statement would have done that it may not.
func (j *judge) refusal(tables []string) error {
	a := j.denied
	own := "it may use only the projection's own tables: " + list(tables)
	switch a.Action {
	case sqlite.Read:
		return fmt.Errorf("it reads %s: %s, and of an event what its parameters say", a.Table, own)
	case sqlite.Insert, sqlite.Update, sqlite.Delete:
		if strings.HasPrefix(a.Table, "sqlite_") {
			break // what DDL does
		}
		return fmt.Errorf("it writes %s: %s", a.Table, own)
	}
	return errors.New("it must be an INSERT, UPDATE, DELETE or SELECT")
}

// compile is a compiled statement of a version. It is compiled once.
func (s *Set) compile(v *version, sql string) (sqlite.Stmt, error) {
	if stmt := v.compiled[sql]; stmt != nil {
		return stmt, nil
	}
	if len(v.compiled) >= MaxStatements {
		return nil, fmt.Errorf("a projection has at most %d different statements: use parameters", MaxStatements)
	}
	text := sql
	names := v.renaming(v.tables)
	if !v.serving {
		text = rename(sql, names)
	}
	own := make(map[string]struct{}, len(names))
	for _, name := range names {
		own[name] = struct{}{}
	}
	stmt, err := s.judge.compile(s.conn, text, own, v.tables)
	if err == nil {
		v.compiled[sql] = stmt
	}
	return stmt, err
}

// compile compiles one statement, which may use the tables that are own.
func (j *judge) compile(conn sqlite.Conn, sql string, own map[string]struct{}, tables []string) (sqlite.Stmt, error) {
	if len(sql) > MaxStatementBytes || strings.ContainsRune(sql, 0) {
		return nil, fmt.Errorf("a statement has at most %d bytes, and no NUL among them", MaxStatementBytes)
	}
	if err := checkPure(sql); err != nil {
		return nil, err
	}
	j.own, j.denied = own, sqlite.Access{}
	stmt, tail, err := conn.Prepare(sql)
	j.own = nil
	switch {
	case errors.Is(err, sqlite.Denied):
		return nil, j.refusal(tables)
	case err != nil:
		return nil, err
	case stmt == nil:
		return nil, errors.New("there is no statement in it")
	case slices.ContainsFunc(tokenize(tail), func(t token) bool { return !t.is(tail, ";") }):
		return nil, errors.Join(errors.New("it is more than one statement: give each by itself"), stmt.Close())
	}
	return stmt, nil
}

// impure are functions that answer another thing each time, or depend on what else is done on the connection.
var impure = map[string]bool{
	"random": true, "randomblob": true, "changes": true, "total_changes": true, "last_insert_rowid": true,
	"current_time": true, "current_date": true, "current_timestamp": true,
}

// clocks are functions that tell the time when they are asked for 'now', or for nothing.
var clocks = map[string]bool{
	"date": true, "time": true, "datetime": true, "julianday": true, "unixepoch": true, "strftime": true, "timediff": true,
}

// checkPure refuses what would write other rows when the same events are folded again.
func checkPure(sql string) error {
	tokens := tokenize(sql)
	following := func(i int, symbol string) bool { return i < len(tokens) && tokens[i].is(sql, symbol) }
	clock := false
	for i, t := range tokens {
		name := t.name(sql)
		call := following(i+1, "(")
		clock = clock || clocks[name] && call
		switch {
		case impure[name] && (call || strings.HasPrefix(name, "current_")),
			clocks[name] && call && following(i+2, ")"),
			clock && t.kind == literal && strings.EqualFold(strings.TrimSpace(sql[t.start:t.end]), "'now'"):
			return &impureError{t, fmt.Sprintf("%s is another value each time: the same events must make the same rows; use the event's parameters, such as :created_at",
				sql[t.start:t.end])}
		}
	}
	return nil
}

// impureError is a token that a projection must not have.
type impureError struct {
	token   token
	message string
}

func (e *impureError) Error() string { return e.message }
