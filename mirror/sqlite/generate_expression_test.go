package sqlite_test

import (
	"fmt"
	"strings"
)

// expression is a scalar one, which may well be a mistake when it runs.
func (g *generator) expression(depth int) string {
	if depth == 0 || g.IntN(8) == 0 {
		return g.leaf()
	}
	e := func() string { return g.expression(depth - 1) }
	switch g.IntN(22) {
	case 0, 1, 2:
		return "(" + e() + " " + g.pick("+", "-", "*", "/", "%", "||", "&", "|", "<<", ">>") + " " + e() + ")"
	case 3, 4:
		return "(" + e() + " " + g.comparison() + " " + e() + g.pick("", "", " COLLATE NOCASE", " COLLATE RTRIM") + ")"
	case 5:
		return "(" + e() + " " + g.pick("AND", "OR", "IS", "IS NOT", "IS DISTINCT FROM") + " " + e() + ")"
	case 6:
		return g.pick("-", "+", "~", "NOT ") + "(" + e() + ")"
	case 7:
		return "(" + e() + " " + g.pick("LIKE", "GLOB", "NOT LIKE") + " " + g.pattern() + ")"
	case 8:
		return "CAST(" + e() + " AS " + g.pick("INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC", "anything") + ")"
	case 9:
		return fmt.Sprintf("CASE %s WHEN %s THEN %s ELSE %s END", g.pick("", e()), e(), e(), e())
	case 10:
		return "(" + e() + " " + g.pick("IN", "NOT IN") + " (" + g.list(2, 0) + "))"
	case 11:
		return "(" + e() + " BETWEEN " + e() + " AND " + e() + ")"
	case 12, 13:
		return g.dateCall()
	case 14, 15, 16:
		return g.jsonCall(e)
	case 17:
		return g.mathCall(e)
	case 18:
		return "printf(" + g.format() + ", " + g.list(2, 0) + ")"
	case 19:
		return g.pick("EXISTS (SELECT 1 FROM u WHERE v = ", "(SELECT max(v) FROM u WHERE total <> ", "(SELECT count(*) FROM s WHERE x < ") + e() + ")"
	}
	return g.textCall(e)
}

func (g *generator) comparison() string { return g.pick("=", "<>", "<", "<=", ">", ">=", "IS", "==") }

func (g *generator) leaf() string {
	if len(g.columns) > 0 && g.IntN(2) == 0 {
		return g.pick(g.columns...)
	}
	return g.pick("NULL", "0", "1", "-1", "2", "42", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "4294967296", "0x7fffffff", "1_000",
		"0.0", "-0.0", "0.1", "1.5", "1e308", "-1e-308", "9e999", "1e15", "123456789.123456789", "9007199254740993", "2.3e-308", "0.30000000000000004",
		"''", "'a'", "'A'", "'abc'", "'ABC '", "'12'", "' 12 '", "'1e3'", "'0x10'", "'-7.50'", "'12abc'", "'grüße'", "'世界🌍'", "'it''s'", "char(0, 97)", "CAST(x'ff61c3' AS TEXT)",
		"x''", "x'00'", "x'616263'", "x'c3bc'", "zeroblob(3)", "TRUE", "FALSE")
}

func (g *generator) pattern() string {
	return g.pick("'a%'", "'%B%'", "'_'", "'%'", "''", "'a*'", "'[a-c]*'", "'[^a]?'", "'?'", "'*世*'", "'GRÜ%'", "'\\%%' ESCAPE '\\'", "'x%' ESCAPE 'xx'", "'[]a]*'", "'[z-a]'", "x'6125'", "12", "NULL")
}

func (g *generator) textCall(e func() string) string {
	return strings.NewReplacer("#", "%").Replace(g.call(e,
		"length(#)", "octet_length(#)", "upper(#)", "lower(#)", "trim(#)", "ltrim(#, #)", "rtrim(#, 'a ')", "substr(#, 2)", "substr(#, -2, 2)", "substr(#, #, #)", "instr(#, #)",
		"replace(#, 'a', #)", "hex(#)", "unhex(#)", "unhex(hex(#))", "quote(#)", "unicode(#)", "char(65, 228, #)", "typeof(#)", "abs(#)", "round(#)", "round(#, 2)", "round(#, #)",
		"coalesce(#, #)", "ifnull(#, #)", "nullif(#, #)", "iif(#, #, #)", "min(#, #)", "max(#, #, #)", "sign(#)", "concat(#, #)", "concat_ws('-', #, #)", "soundex(#)",
		"likely(#)", "format('%s|%d', #, #)", "zeroblob(#)", "length(zeroblob(abs(# % 100)))", "unistr('\\00e4\\+01f30d')", "unistr_quote(#)", "glob('a*', #)", "like(#, #)", "missing(#)"))
}

// call puts expressions in the place of each # of a template.
func (g *generator) call(e func() string, templates ...string) string {
	parts := strings.Split(g.pick(templates...), "#")
	var text strings.Builder
	text.WriteString(parts[0])
	for _, part := range parts[1:] {
		text.WriteString(e() + part)
	}
	return text.String()
}

// mathCall rounds what is not exact: the last digit is that of the mathematics library of an engine, and of the processor.
func (g *generator) mathCall(e func() string) string {
	if g.IntN(3) == 0 {
		return g.call(e, "ceil(#)", "floor(#)", "trunc(#)", "sqrt(#)", "mod(#, #)", "pi()")
	}
	return "printf('%.9g', " + g.call(e, "pow(#, 2)", "ln(#)", "log(#)", "log2(#)", "log(2, #)", "exp(#)", "sin(#)", "cos(#)", "tan(#)", "asin(#)", "acos(0.5)",
		"atan(#)", "atan2(#, #)", "sinh(#)", "cosh(1)", "tanh(#)", "asinh(#)", "acosh(2)", "atanh(0.5)", "degrees(#)", "radians(#)", "power(#, 0.5)") + ")"
}

func (g *generator) dateCall() string {
	time := g.pick("'2026-02-28'", "'2024-02-29 23:59:60'", "'2024-02-29T12:34:56.789Z'", "'1969-12-31 23:59:59.5'", "'12:34'", "2460000.5", "1700000000", "-1", "'0000-01-01'", "'9999-12-31 23:59:59.999'",
		"'10000-01-01'", "'2026-13-01'", "'not a date'", "'2026-03-29 02:30:00+02:00'", "NULL", "'2026-1-1'", "x'32303236'")
	modifier := g.pick("", "", ", '+1 day'", ", '-1 month'", ", 'start of month'", ", 'weekday 0'", ", 'unixepoch'", ", 'auto'", ", '+1 year', '-1 day'", ", 'start of year', '+10 hours'", ", 'ceiling'",
		", '+1 month', 'floor'", ", 'subsec'", ", 'julianday'", ", '+00:30'", ", '-0001-02-03 04:05'", ", 'nonsense'", ", NULL")
	return g.pick("date("+time+modifier+")", "time("+time+modifier+")", "datetime("+time+modifier+")", "julianday("+time+modifier+")", "unixepoch("+time+modifier+")",
		"strftime('%Y-%m-%d %H:%M:%f %j %w %W %s %J %G-%V %u %e %I %p %R %T', "+time+modifier+")", "strftime('%x', "+time+")", "timediff("+time+", '2020-02-29')")
}

func (g *generator) json() string {
	return g.pick(`'{"key":3,"list":[1,2,{"x":null}],"s":"ü\n\u00e9"}'`, `'[1,2.5,-0,1e2,"three",true,null,[[]]]'`, `'{}'`, `'[]'`, `'"text"'`, `'12'`, `'null'`, `'{"a":1,"a":2}'`, `'{a:1, "b":0x10, c:''x'',}'`,
		`'[1,2'`, `''`, `'nul'`, `'{"key":9007199254740993}'`, `jsonb('{"key":4,"deep":{"er":[[1],[2]]}}')`, `jsonb('[1,[2,[3]]]')`, `x'0b'`, `x'ff00'`, `NULL`, `'{"\u0000":"\ud83d\ude00"}'`, `'[1e400, -1e-400]'`)
}

func (g *generator) jsonCall(e func() string) string {
	path := g.pick("'$'", "'$.key'", "'$.list[1]'", "'$.list[#-1].x'", "'$[2]'", "'$.deep.er[1][1][0]'", "'$.missing'", "'key'", "'$['", "'$.\"key\"'", "'$[#]'")
	call := g.pick("json(J)", "json_extract(J, P)", "json_extract(J, P, '$.s')", "(J -> P)", "(J ->> P)", "(J ->> 1)", "(J -> 'key')", "json_type(J)", "json_type(J, P)", "json_valid(J)", "json_valid(J, 6)", "json_array_length(J)",
		"json_array_length(J, P)", "json_set(J, P, #)", "json_insert(J, P, #)", "json_replace(J, P, json('[1]'))", "json_remove(J, P)", "json_patch(J, '{\"key\":null,\"new\":[1]}')", "json_quote(#)", "json_array(#, J)",
		"json_object('k', #)", "json_object(#, 1)", "json_error_position(J)", "json_pretty(J)", "hex(jsonb(J))", "json(jsonb_set(J, P, #))", "hex(jsonb_extract(J, P))", "typeof(jsonb(J))", "json(jsonb_patch(J, '{}'))", "json_array_insert(J, '$[0]', #)")
	call = strings.NewReplacer("J", g.json(), "P", path).Replace(call)
	return g.call(e, call)
}

func (g *generator) format() string {
	return g.pick("'%d|%s'", "'%5.2f|%-8s|'", "'%e|%g'", "'%x|%X'", "'%o|%c'", "'%q|%Q'", "'%w|%%'", "'%,d|%+d'", "'%010d|% d'", "'%!.20g|%.3s'", "'%.*f'", "'%s'", "'%i|%u'", "'%lld|%z'", "'%#x|%!s'", "NULL", "''")
}
