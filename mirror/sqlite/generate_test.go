package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes statements: the same ones for the same seed, on every platform. What they answer depends on nothing but
// the database: not on the clock, the time zone, or random numbers.
type generator struct {
	*rand.Rand
	columns []string // that an expression may name; nil: none
}

// generatedSchema is what the statements work on.
const generatedSchema = `
CREATE TABLE t(id INTEGER PRIMARY KEY, i INTEGER, r REAL, x TEXT, b BLOB, n NUMERIC, a, j TEXT, CHECK (i IS NULL OR i <> 13));
CREATE INDEX t_x ON t(x COLLATE NOCASE); CREATE INDEX t_partial ON t(i) WHERE r > 0; CREATE UNIQUE INDEX t_j ON t(j ->> '$.key');
CREATE TABLE u(k TEXT COLLATE NOCASE PRIMARY KEY, v, total INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE s(id INTEGER PRIMARY KEY, i INTEGER, x TEXT, y ANY, up TEXT GENERATED ALWAYS AS (upper(x)) STORED) STRICT;
CREATE VIEW w AS SELECT x, count(*) AS c, total(r) AS sum FROM t GROUP BY x;
INSERT INTO t VALUES
 (1, 1, 1.5, 'a', x'00ff', '12', 'any', '{"key":1,"list":[1,2,{"x":null}],"s":"ü"}'),
 (2, 9223372036854775807, -0.0, 'A', x'', '1e3', 7, '{"key":2,"list":[]}'),
 (3, -9223372036854775808, 1e308, 'grüße, 世界', NULL, 'text', 2.5, '[1,2.5,"three",true,null]'),
 (4, NULL, NULL, '', x'61', NULL, NULL, NULL),
 (5, 42, 3.0, '%_\', 'blob as text', 3.0, x'2a', '{"key":"five","deep":{"er":[[1],[2,[3]]]}}');
INSERT INTO u VALUES ('one', 1, 1), ('TWO', 'zwei', 2), ('three', 3.5, 3);
INSERT INTO s(id, i, x, y) VALUES (1, 1, 'x', 1), (2, NULL, 'straße', 'y');
`

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

// statement is one of any kind.
func (g *generator) statement() string {
	switch n := g.IntN(100); {
	case n < 34:
		return "SELECT " + g.list(1+g.IntN(3), 3)
	case n < 52:
		return g.fromTable()
	case n < 62:
		return g.aggregate()
	case n < 71:
		return g.window()
	case n < 76:
		return g.recursive()
	case n < 82:
		return g.table()
	case n < 86:
		return g.compound()
	}
	return g.write()
}

func (g *generator) in(columns []string, expression func() string) string {
	before := g.columns
	defer func() { g.columns = before }()
	g.columns = columns
	return expression()
}

var tColumns = []string{"id", "i", "r", "x", "b", "n", "a", "j", "t.x", "rowid"}

// list is some expressions.
func (g *generator) list(n, depth int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = g.expression(depth)
	}
	return strings.Join(items, ", ")
}

func (g *generator) fromTable() string {
	return g.in(tColumns, func() string {
		from := g.pick("t", "t", "t LEFT JOIN u ON u.k = t.x", "t JOIN s ON s.id = t.id", "t CROSS JOIN (SELECT 2 AS two)")
		return fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY t.id%s, 1 LIMIT 6", g.in(g.qualified(from), func() string { return g.list(1+g.IntN(3), 2) }),
			from, g.in(g.qualified(from), func() string { return g.expression(2) }), g.pick("", " DESC"))
	})
}

// qualified are the columns of t where others have the same names.
func (g *generator) qualified(from string) []string {
	if from == "t" {
		return tColumns
	}
	return []string{"t.id", "t.i", "t.r", "t.x", "t.b", "t.n", "t.a", "t.j"}
}

func (g *generator) aggregate() string {
	return g.in(tColumns, func() string {
		arg := g.expression(1)
		call := g.pick("count(*)", "count("+arg+")", "count(DISTINCT "+arg+")", "sum(r)", "sum("+arg+")", "total("+arg+")", "avg("+arg+")",
			"min("+arg+")", "max("+arg+")", "group_concat("+arg+", '|' ORDER BY id)", "json_group_array("+arg+" ORDER BY id DESC)",
			"json_group_object(coalesce(x, 'null'), r ORDER BY id)", "hex(jsonb_group_array(i ORDER BY id))", "string_agg(x, ',' ORDER BY x, id)",
			"sum(i) FILTER (WHERE i < 100)", "max(id), x", "median(i)")
		return fmt.Sprintf("SELECT %s FROM t%s ORDER BY 1 LIMIT 6", call,
			g.pick("", "", " GROUP BY "+g.expression(1), " GROUP BY x COLLATE NOCASE", " GROUP BY typeof(a) HAVING count(*) "+g.comparison()+" 1", " WHERE "+g.expression(1)))
	})
}

func (g *generator) window() string {
	return g.in(tColumns, func() string {
		call := g.pick("row_number()", "rank()", "dense_rank()", "percent_rank()", "cume_dist()", "ntile(2)", "lag(x)", "lag(i, 2, 'none')", "lead(r, 1, -1)",
			"first_value(a)", "last_value(x)", "nth_value(id, 2)", "sum(id)", "total(r)", "avg(id)", "count(*)", "group_concat(x, '.')", "max(n)", "json_group_array(id)")
		return fmt.Sprintf("SELECT id, %s OVER (%s ORDER BY %s, id %s) FROM t ORDER BY id LIMIT 9", call, g.pick("", "", "PARTITION BY typeof(a)", "PARTITION BY i IS NULL"),
			g.pick("x", "r", "typeof(n)", "id % 2", "x COLLATE NOCASE DESC"),
			g.pick("", "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW",
				"GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING", "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES"))
	})
}

func (g *generator) recursive() string {
	step := g.in([]string{"i", "i", "p"}, func() string { return g.expression(2) })
	return fmt.Sprintf("WITH RECURSIVE c(i, p) AS (SELECT %s, %s UNION %s SELECT i + %d, %s FROM c WHERE i < %d LIMIT 7) SELECT * FROM c ORDER BY %s LIMIT 7",
		g.pick("1", "0", "-3", "2.5"), g.expression(1), g.pick("ALL", ""), 1+g.IntN(4), step, 5+g.IntN(20), g.pick("1, 2", "2, 1"))
}

func (g *generator) table() string {
	return fmt.Sprintf("SELECT %s FROM %s(%s%s) LIMIT 8", g.pick("key, value, type, atom", "fullkey, path, value", "type, id, parent", "count(*), group_concat(fullkey)", "typeof(value), value"),
		g.pick("json_each", "json_tree"), g.json(), g.pick("", "", ", '$.list'", ", '$.deep.er'", ", '$[#-1]'", ", '$.\"key\"'", ", '$[1'"))
}

func (g *generator) compound() string {
	return fmt.Sprintf("SELECT %s %s SELECT %s %s SELECT %s ORDER BY 1 %s", g.expression(2), g.pick("UNION", "UNION ALL", "EXCEPT", "INTERSECT"), g.expression(1),
		g.pick("UNION", "UNION ALL", "EXCEPT"), g.pick("x FROM t", "v FROM u", "NULL", "1 WHERE 0"), g.pick("", "COLLATE NOCASE", "DESC NULLS LAST", "NULLS LAST"))
}

func (g *generator) write() string {
	switch g.IntN(8) {
	case 0:
		return fmt.Sprintf("INSERT INTO t(i, r, x, b, n, a) VALUES (%s) RETURNING id > 5, typeof(i), i, r, x, b, n, a", g.list(6, 1))
	case 1:
		return fmt.Sprintf("INSERT INTO u VALUES (%s, %s, %d) ON CONFLICT (k) DO UPDATE SET v = %s, total = total + excluded.total %s RETURNING *",
			g.pick("'one'", "'ONE'", "'two'", "'new'", "NULL", "x'6f'"), g.expression(1), g.IntN(9), g.pick("excluded.v", "v || excluded.v", "NULL"), g.pick("", "WHERE total < 9"))
	case 2:
		return g.in(tColumns[:8], func() string {
			return fmt.Sprintf("UPDATE %s t SET %s = %s WHERE id = %d RETURNING id, i, r, x, b, n, a", g.pick("", "OR IGNORE", "OR FAIL"), g.pick("i", "r", "x", "b", "n", "a"), g.expression(2), 1+g.IntN(6))
		})
	case 3:
		return fmt.Sprintf("INSERT %s INTO s(i, x, y) VALUES (%s) RETURNING id > 2, i, x, typeof(y), y, up", g.pick("", "", "OR IGNORE", "OR REPLACE"), g.list(3, 1))
	case 4:
		return g.in([]string{"k", "v", "total"}, func() string { return "DELETE FROM u WHERE k > 'm' AND " + g.expression(1) + " RETURNING *" })
	case 5:
		return fmt.Sprintf("INSERT INTO t(j) VALUES (%s) RETURNING j ->> '$.key'", g.json())
	case 6:
		return g.in(tColumns[:8], func() string {
			return "UPDATE t SET a = v.k FROM (SELECT k, v FROM u) AS v WHERE v.v = t.i RETURNING " + g.list(1, 1)
		})
	}
	return g.pick("DELETE FROM t WHERE id > 9 RETURNING id", "INSERT INTO t(i) VALUES (13)", "INSERT INTO t(id) VALUES (1)", "INSERT INTO u VALUES ('one', 1)",
		"INSERT INTO missing VALUES (1)", "INSERT INTO t(i, i2) VALUES (1, 2)", "UPDATE s SET up = 'x'", "UPDATE t SET id = 'x' WHERE id = 1", "DELETE FROM w", "SELECT FROM t",
		"INSERT INTO t(j) VALUES ('{\"key\":1}')", "INSERT INTO s(i) VALUES ('one')", "SELECT * FROM w ORDER BY 1", "SELECT *, rowid FROM u", "SELECT 1 +", "SELECT 'a' 'b' 'c' FROM t")
}
