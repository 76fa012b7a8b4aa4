package projection

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// locate is the offset in a statement of what an error is about, and -1 when it does not say. SQLite says what it has stumbled
// upon, and not where, on all engines: so it is found again.
func (c *checker) locate(sql string, err error) int {
	var impure *impureError
	if errors.As(err, &impure) {
		return impure.token.start
	}
	message := err.Error()
	if _, rest, ok := strings.Cut(message, `near "`); ok && strings.HasSuffix(message, "syntax error") {
		return c.locateSyntax(sql, rest[:strings.LastIndex(rest, `"`)])
	}
	if strings.HasSuffix(message, "incomplete input") {
		return len(sql)
	}
	if _, rest, ok := strings.Cut(message, `unrecognized token: "`); ok {
		return strings.Index(sql, strings.TrimSuffix(rest, `"`))
	}
	if strings.HasPrefix(message, "it reads ") || strings.HasPrefix(message, "it writes ") {
		return locateName(sql, c.judge.denied.Table)
	}
	for _, before := range []string{"no such column: ", "no such table: ", "no such function: ", "no column named ", "ambiguous column name: ", "function "} {
		if _, name, ok := strings.Cut(message, before); ok {
			name, _, _ = strings.Cut(name, " ")
			return locateName(sql, strings.TrimSuffix(name[strings.LastIndexByte(name, '.')+1:], "()"))
		}
	}
	return -1
}

// locateSyntax is the token at which the syntax breaks: up to the one before, SQL is only incomplete.
func (c *checker) locateSyntax(sql, near string) int {
	for _, t := range tokenize(sql) {
		if sql[t.start:t.end] != near {
			continue
		}
		stmt, _, err := c.conn.Prepare(sql[:t.end])
		if stmt != nil {
			stmt.Close()
		}
		if err != nil && strings.Contains(err.Error(), `near "`) {
			return t.start
		}
	}
	return -1
}

func locateName(sql, name string) int {
	if name == "" {
		return -1
	}
	for _, t := range tokenize(sql) {
		if t.name(sql) == strings.ToLower(name) {
			return t.start
		}
	}
	return -1
}

// lineColumn is an offset as people count: lines and characters, from 1.
func lineColumn(text string, at int) (line, column int) {
	before := text[:at]
	start := strings.LastIndexByte(before, '\n') + 1
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[start:])
}
