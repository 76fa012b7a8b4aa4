package query_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// liveSet is a Live set that records what it tells, on a connection that counts the statements that it begins.
type liveSet struct {
	*query.Live
	t    *testing.T
	conn sqlite.Conn
	told []string
}

func newLiveSet(t *testing.T, options query.Options) *liveSet {
	conn, first := setup(t, query.Options{})
	if err := first.Close(); err != nil { // the set's own reader takes the connection over
		t.Fatal(err)
	}
	return &liveSet{Live: query.NewLive(newReader(t, conn, options)), t: t, conn: conn}
}

// watch adds a statement whose results are recorded under a name.
func (l *liveSet) watch(name, sql string, params ...any) (remove func()) {
	return l.Add(context.Background(), sql, params, func(result *query.Result, err error) { l.record(name, result, err) })
}

func (l *liveSet) record(name string, result *query.Result, err error) {
	if err != nil {
		l.told = append(l.told, name+": "+err.Error())
		return
	}
	l.told = append(l.told, name+" "+rowsOf(result))
}

// write changes the database as its owner does, and says which tables it has written.
func (l *liveSet) write(sql string) {
	l.t.Helper()
	var tables []string
	l.conn.OnUpdate(func(table string, _ int64) { tables = append(tables, table) })
	defer l.conn.OnUpdate(nil)
	exec(l.t, l.conn, sql)
	l.Changed(tables...)
}

// want flushes and compares what was told since the last time.
func (l *liveSet) want(told ...string) {
	l.t.Helper()
	if err := l.Flush(context.Background()); err != nil {
		l.t.Fatal(err)
	}
	if !slices.Equal(l.told, told) {
		l.t.Errorf("told %q, want %q", l.told, told)
	}
	if l.Dirty() {
		l.t.Error("dirty after a flush")
	}
	l.told = nil
}

// B6: only what reads a written table runs again, many changes cost one run, and an equal result is not told.
func TestLive(t *testing.T) {
	l := newLiveSet(t, query.Options{})
	l.want()
	l.watch("count", "SELECT count(*) FROM fruit")
	l.watch("cheap", "SELECT name FROM cheap WHERE name <> ?", "plum")
	l.watch("trees", "SELECT (SELECT max(name) FROM tree)")
	l.watch("constant", "SELECT 1")
	if !l.Dirty() || l.Len() != 4 {
		t.Error("nothing to do after four were added")
	}
	l.want("count [[3]]", `cheap [["apple"]]`, "trees [[null]]", "constant [[1]]")
	l.want()

	l.write("INSERT INTO tree VALUES ('ash')")
	l.write("INSERT INTO tree VALUES ('oak')")
	l.want(`trees [["oak"]]`)
	l.write("INSERT INTO tree VALUES ('elm')") // runs, and is equal
	l.want()
	l.write("INSERT INTO fruit VALUES ('fig', 1); DELETE FROM fruit WHERE name = 'pear'")
	l.want(`cheap [["apple"],["fig"]]`) // the count is equal
	l.write("UPDATE fruit SET price = 9 WHERE name = 'apple'")
	l.want(`cheap [["fig"]]`)
	l.Changed("unknown")
	l.want()
}

// B6: which statements run again, by counting how often SQLite computes them.
func TestLiveRunsOnlyWhatReadsAWrittenTable(t *testing.T) {
	l := newLiveSet(t, query.Options{})
	asked := map[string]int{}
	conn := &observedConn{Conn: l.conn, stepped: func(sql string) { asked[sql]++ }}
	l.Live = query.NewLive(newReader(t, conn, query.Options{}))
	const fruit, tree, both = "SELECT total(price) FROM fruit", "SELECT count(*) FROM tree", "SELECT count(*) FROM fruit, tree"
	for _, sql := range []string{fruit, tree, both} {
		l.watch("", sql)
	}
	remove := l.watch("", "SELECT 'nobody listens', count(*) FROM fruit")
	remove()
	remove()
	l.Flush(context.Background())
	l.write("INSERT INTO fruit VALUES ('kiwi', 1)")
	l.write("INSERT INTO fruit VALUES ('lime', 1)")
	l.Flush(context.Background())
	l.Flush(context.Background())
	if want := map[string]int{fruit: 2, tree: 1, both: 2}; fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("run %v, want %v", asked, want)
	}
}

// observedConn tells of each statement that begins to run, but the reader's own of the schema.
type observedConn struct {
	sqlite.Conn
	stepped func(sql string)
}

func (c *observedConn) Prepare(sql string) (sqlite.Stmt, string, error) {
	stmt, tail, err := c.Conn.Prepare(sql)
	if stmt == nil || err != nil || sql == "PRAGMA schema_version" {
		return stmt, tail, err
	}
	return &observedStmt{stmt, sql, false, c.stepped}, tail, nil
}

type observedStmt struct {
	sqlite.Stmt
	sql     string
	running bool
	stepped func(sql string)
}

func (s *observedStmt) Step() bool {
	if !s.running {
		s.running = true
		s.stepped(s.sql)
	}
	return s.Stmt.Step()
}

func (s *observedStmt) Reset() error {
	s.running = false
	return s.Stmt.Reset()
}

// B6: an error is told once, and the result that comes after it.
func TestLiveErrors(t *testing.T) {
	l := newLiveSet(t, query.Options{})
	l.watch("bad", "SELECT name FROM nowhere")
	l.watch("sum", "SELECT json_extract(name, '$') FROM fruit WHERE name = 'fig'")
	l.want("bad: sqlite: no such table: nowhere", "sum []")
	l.write("INSERT INTO fruit VALUES ('fig', 1)")
	l.want("sum: sqlite: malformed JSON")
	l.write("INSERT INTO fruit VALUES ('kiwi', 1)")
	l.want()
	l.write("UPDATE fruit SET name = 'lime' WHERE name = 'fig'")
	l.want("sum []")
	l.watch("write", "DELETE FROM fruit")
	l.want("write: a query may only read: DELETE from fruit is refused; use SELECT, WITH, VALUES or EXPLAIN")
}

// B6: after a change of the schema a statement reads what it names then.
func TestLiveSchemaChange(t *testing.T) {
	l := newLiveSet(t, query.Options{})
	l.watch("late", "SELECT count(*) FROM later")
	l.watch("cheap", "SELECT * FROM cheap")
	l.want("late: sqlite: no such table: later", `cheap [["apple"]]`)
	l.write("CREATE TABLE later (x)")
	l.want("late [[0]]")
	l.write("INSERT INTO later VALUES (1)")
	l.want("late [[1]]")
	l.write("DROP VIEW cheap; CREATE VIEW cheap AS SELECT name FROM tree") // it reads another table now
	l.want("cheap []")
	l.write("INSERT INTO tree VALUES ('oak')")
	l.want(`cheap [["oak"]]`)
	l.write("ALTER TABLE tree ADD COLUMN age; DROP VIEW cheap; CREATE VIEW cheap AS SELECT name, age FROM tree")
	l.want(`cheap [["oak",null]]`)
}

// B6: a watcher may remove itself and others, and add more, while it is told.
func TestLiveChangesWhileTelling(t *testing.T) {
	l := newLiveSet(t, query.Options{})
	var removeFirst, removeThird func()
	removeFirst = l.Add(context.Background(), "SELECT 'first', count(*) FROM fruit", nil, func(result *query.Result, err error) {
		l.record("first", result, err)
		removeFirst()
		removeThird()
		l.watch("fourth", "SELECT 'fourth'")
	})
	l.watch("second", "SELECT 'second', count(*) FROM fruit")
	removeThird = l.watch("third", "SELECT 'third', count(*) FROM fruit")
	l.want(`first [["first",3]]`, `second [["second",3]]`, `fourth [["fourth"]]`)
	l.write("INSERT INTO fruit VALUES ('fig', 1)")
	l.want(`second [["second",4]]`)
	if l.Len() != 2 {
		t.Errorf("%d are watched", l.Len())
	}
}

// A flush whose context ends tells nothing of it, and the next one does the work.
func TestLiveFlushIsInterrupted(t *testing.T) {
	l := newLiveSet(t, query.Options{})
	l.watch("count", "SELECT count(*) FROM fruit")
	l.watch("trees", "SELECT count(*) FROM tree")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Flush(cancelled); !errors.Is(err, context.Canceled) || !l.Dirty() || l.told != nil {
		t.Errorf("got %v, told %q", err, l.told)
	}
	l.want("count [[3]]", "trees [[0]]")
	l.write("DELETE FROM fruit WHERE 1; INSERT INTO tree VALUES ('oak')")
	if err := l.Step(context.Background()); err != nil || fmt.Sprint(l.told) != "[count [[0]]]" {
		t.Errorf("one step: %v, told %q", err, l.told)
	}
	l.Changed("fruit") // whoever waits goes first
	if err := l.Step(context.Background()); err != nil || fmt.Sprint(l.told) != "[count [[0]] trees [[1]]]" {
		t.Errorf("two steps: %v, told %q", err, l.told)
	}
}

// Parameters are those of the moment of Add.
func TestLiveKeepsItsParameters(t *testing.T) {
	l := newLiveSet(t, query.Options{})
	blob, named := []byte("a"), query.Named{"n": []byte("b")}
	params := []any{blob}
	l.watch("positional", "SELECT ?, count(*) FROM tree", params...)
	l.watch("named", "SELECT :n, count(*) FROM tree", named)
	blob[0], named["n"].([]byte)[0] = 'x', 'x'
	params[0], named["n"] = 1, 2
	l.want(`positional [[{"$blob":"YQ=="},0]]`, `named [[{"$blob":"Yg=="},0]]`)
}
