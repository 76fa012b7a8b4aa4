package projection

import (
	"strings"
	"unicode/utf8"
)

// token is a piece of SQL as SQLite's tokenizer makes it, but for white space and comments, which are none.
type token struct {
	kind       tokenKind
	start, end int // in the text
}

type tokenKind uint8

const (
	word    tokenKind = iota // a keyword or a name
	quoted                   // a name in quotes
	literal                  // a string, a blob or a number
	parameter
	symbol
)

// tokenize splits SQL. What SQLite would refuse may come out as any token: SQLite has the last word.
func tokenize(sql string) []token {
	var list []token
	for at := 0; at < len(sql); {
		start := at
		kind, length := next(sql[at:])
		at += length
		if length > 0 && kind != space {
			list = append(list, token{kind, start, at})
		}
	}
	return list
}

const space tokenKind = 255

func next(s string) (tokenKind, int) {
	switch c := s[0]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
		return space, 1
	case strings.HasPrefix(s, "--"):
		return space, upTo(s, 2, "\n")
	case strings.HasPrefix(s, "/*"):
		return space, upTo(s, 2, "*/")
	case c == '\'':
		return literal, quotedLen(s, '\'')
	case c == '"' || c == '`':
		return quoted, quotedLen(s, c)
	case c == '[':
		return quoted, upTo(s, 1, "]")
	case (c == 'x' || c == 'X') && len(s) > 1 && s[1] == '\'':
		return literal, 1 + quotedLen(s[1:], '\'')
	case isDigit(c) || c == '.' && len(s) > 1 && isDigit(s[1]):
		return literal, numberLen(s)
	case c == '?' || c == ':' || c == '@' || c == '$':
		if n := wordLen(s[1:]); n > 0 || c == '?' {
			return parameter, 1 + n
		}
		return symbol, 1
	}
	if n := wordLen(s); n > 0 {
		return word, n
	}
	return symbol, 1
}

// upTo is the length of s up to the end of what ends it, or all of it.
func upTo(s string, from int, end string) int {
	if i := strings.Index(s[from:], end); i >= 0 {
		return from + i + len(end)
	}
	return len(s)
}

// quotedLen is the length of a quoted text at the start of s, in which a doubled quote is none.
func quotedLen(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return len(s)
}

// numberLen takes letters with the digits: 1e9, 0xff; a sign belongs to it after an exponent.
func numberLen(s string) int {
	i := 1
	for i < len(s) && (isWord(s[i]) || s[i] == '.' || (s[i] == '+' || s[i] == '-') && (s[i-1] == 'e' || s[i-1] == 'E') && s[0] != '0') {
		i++
	}
	return i
}

func wordLen(s string) int {
	n := 0
	for n < len(s) && isWord(s[n]) {
		n++
	}
	return n
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// name is the name that a token is, in lower case, and "" when it is none.
func (t token) name(sql string) string {
	text := sql[t.start:t.end]
	switch {
	case t.kind == word:
		return strings.ToLower(text)
	case t.kind != quoted || len(text) < 2:
		return ""
	}
	inner := text[1 : len(text)-1]
	if text[0] != '[' {
		inner = strings.ReplaceAll(inner, text[:1]+text[:1], text[:1])
	}
	return strings.ToLower(inner)
}

// is reports whether the token is a keyword or a symbol.
func (t token) is(sql, text string) bool {
	return (t.kind == word || t.kind == symbol) && strings.EqualFold(sql[t.start:t.end], text)
}

// split splits SQL at its semicolons, which must not be within a trigger's body. What is empty is left out.
func split(sql string) (statements []string, at []int) {
	var tokens []token
	end := func() {
		if len(tokens) > 0 {
			first, last := tokens[0], tokens[len(tokens)-1]
			statements, at = append(statements, sql[first.start:last.end]), append(at, first.start)
		}
		tokens = nil
	}
	for _, t := range tokenize(sql) {
		if t.is(sql, ";") {
			end()
		} else {
			tokens = append(tokens, t)
		}
	}
	end()
	return statements, at
}

// rename puts other names in the place of some: names is from those in lower case.
func rename(sql string, names map[string]string) string {
	var out strings.Builder
	done := 0
	for _, t := range tokenize(sql) {
		if to, ok := names[t.name(sql)]; ok && (t.kind == word || t.kind == quoted) {
			out.WriteString(sql[done:t.start])
			out.WriteString(quoteName(to))
			done = t.end
		}
	}
	out.WriteString(sql[done:])
	return out.String()
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
