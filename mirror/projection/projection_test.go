package projection_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
)

// The rows are those of one fold from the first event on, however the events come: split, after failures, after restarts, and
// folded again beside the old version.
func TestRowsAreTheFold(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			const n = 200
			logs := map[millpond.Name]*serverLog{pond: newLog(seed, n), lake: newLog(seed+1000, n)}
			want := fresh(t, logs, n)
			version := 1
			list := func() []projection.Projection {
				return []projection.Projection{counts(fmt.Sprint(version)), chain(fmt.Sprint(version))}
			}
			r := open(t, list()...)
			at := map[millpond.Name]int{}
			for at[pond] < n || at[lake] < n {
				name := pond
				if random.IntN(2) == 0 {
					name = lake
				}
				l := logs[name]
				to := min(n, at[name]+1+random.IntN(40))
				switch random.IntN(8) {
				case 0: // the batch fails at its end
					bad := l.batch(at[name]+1, to)
					bad.Hash++
					if _, err := r.replica.Apply(name, l.incarnation, bad); err == nil && to > at[name] {
						t.Fatal("a bad batch is applied")
					}
					continue
				case 1: // a restart, with another version or the same
					version += random.IntN(2)
					r.reopen(list()...)
					continue
				case 2:
					if err := r.set.Step(); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if to > at[name] {
					r.apply(name, l, at[name]+1, to)
					at[name] = to
				}
			}
			r.build()
			if got := r.dump(); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// A stream that begins anew takes the rows that were made of it along, and no others.
func TestReplacedStream(t *testing.T) {
	logs := map[millpond.Name]*serverLog{pond: newLog(7, 50), lake: newLog(8, 50)}
	want := fresh(t, logs, 50)
	r := open(t, counts("1"), chain("1"))
	r.apply(pond, newLog(1, 90), 1, 90)
	r.apply(lake, logs[lake], 1, 50)
	if _, err := r.replica.Rebuild(pond, logs[pond].incarnation, logs[pond].batch(1, 20)); err != nil {
		t.Fatal(err)
	}
	r.apply(pond, logs[pond], 21, 50)
	if got := r.dump(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// So does one whose log has gone another way within the same life, as after a restored backup.
func TestDivergedStream(t *testing.T) {
	other := newLog(2, 40)
	other.incarnation = newLog(1, 0).incarnation
	want := fresh(t, map[millpond.Name]*serverLog{pond: other}, 40)
	r := open(t, counts("1"), chain("1"))
	r.apply(pond, newLog(1, 30), 1, 30)
	if _, err := r.replica.Rebuild(pond, other.incarnation, other.batch(1, 30)); err != nil {
		t.Fatal(err)
	}
	r.apply(pond, other, 31, 40)
	if got := r.dump(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// A new version is built beside the old one, which is read meanwhile, and takes its place whole.
func TestNewVersion(t *testing.T) {
	l := newLog(3, 1500)
	r := open(t, counts("1"), chain("1"))
	r.apply(pond, l, 1, 1000)
	r.build()
	before := r.rows("SELECT type, n FROM counts")
	next := counts("2")
	r.reopen(next, chain("1"))
	r.apply(pond, l, 1001, 1200)
	for steps := 0; r.set.Behind(); steps++ {
		st := r.status()[0]
		switch steps {
		case 3: // a crash: what was folded so far stands
			if st.State != projection.Building || st.Version != "1" || st.Next != "2" || st.Folded == 0 || st.Folded >= 1200 || st.Total != 1200 {
				t.Errorf("in the middle the status is %+v", st)
			}
			folded := st.Folded
			r.reopen(next, chain("1"))
			if st := r.status()[0]; st.Folded != folded {
				t.Errorf("after a restart %d events are folded, before it were %d", st.Folded, folded)
			}
		case 4:
			r.apply(pond, l, 1201, 1500)
		}
		if st.State == projection.Building {
			if got := r.rows("SELECT type, n FROM counts"); got != before {
				t.Fatalf("while the new version is built, the old one's rows are\n%s, and were\n%s", got, before)
			}
			if got := r.rows("SELECT offset FROM projections WHERE name = 'counts' AND serving"); got != "1000\n" {
				t.Fatalf("the position of the rows that are read is %s", got)
			}
		}
		if err := r.set.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if st := r.status()[0]; st.State != projection.Current || st.Version != "2" || st.Next != "" {
		t.Errorf("in the end the status is %+v", st)
	}
	if got, want := r.dump(), fresh(t, map[millpond.Name]*serverLog{pond: l}, 1500); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	r.want("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name LIKE '%:%'", "0\n")
}

// Tables go with the projection that owns them; another projection may have them then.
func TestTablesGo(t *testing.T) {
	l := newLog(3, 100)
	r := open(t, counts("1"), chain("1"))
	r.apply(pond, l, 1, 50)
	r.reopen(chain("1"))
	r.want("SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE name LIKE '%counts%' OR name IN ('chain', 'seen') ORDER BY name)", "chain seen\n")
	r.want("SELECT count(*) FROM projection_versions", "1\n")
	r.want("SELECT count(*) FROM projection_positions", "1\n")
	heir := counts("1")
	heir.Name = "heir"
	r.reopen(counts("1"), chain("1"))
	r.reopen(heir, chain("1"))
	r.build()
	r.apply(pond, l, 51, 100)
	r.want("SELECT DISTINCT name FROM projections", "chain\nheir\n")
	r.want("SELECT count(*) FROM events WHERE type = 'newt' EXCEPT SELECT n FROM counts WHERE type = 'newt'", "")
	// One that was to come, and is not wanted any more.
	r.reopen(heir, chain("2"))
	r.reopen(heir, chain("1"))
	r.build()
	r.want("SELECT version FROM projection_versions WHERE name = 'chain'", "1\n")
}

// A definition that differs is another version, whatever its version says.
func TestChangedDefinition(t *testing.T) {
	one := projection.SQL{Name: "p", Schema: projection.Texts{"CREATE TABLE p (stream_id INTEGER, n INTEGER)"},
		On: map[string]projection.Texts{"newt": {"INSERT INTO p VALUES (:stream_id, 1)"}}}
	two := one
	two.On = map[string]projection.Texts{"newt": {"INSERT INTO p VALUES (:stream_id, 2)"}}
	r := open(t, one.Projection())
	r.apply(pond, newLog(3, 100), 1, 100)
	r.want("SELECT DISTINCT n FROM p", "1\n")
	r.reopen(two.Projection())
	r.build()
	r.want("SELECT DISTINCT n FROM p", "2\n")
}

// What a projection may not do is refused when it is registered, with the place.
func TestCheck(t *testing.T) {
	const schema = "CREATE TABLE todo (stream_id INTEGER, id TEXT, n INTEGER)"
	on := func(sql ...string) projection.SQL {
		return projection.SQL{Name: "todo", Schema: projection.Texts{schema}, On: map[string]projection.Texts{"added": sql}}
	}
	made := func(sql ...string) projection.SQL {
		p := on("DELETE FROM todo")
		p.Schema = sql
		return p
	}
	at := `projection "todo", event type "added", statement `
	for _, c := range []struct {
		p    projection.SQL
		want string
	}{
		{on("DELETE FROM todo", "INSERT INTO\n  todo (id VALUES (:offset)"), at + `2, line 2, column 12: near "VALUES": syntax error`},
		{on("UPDATE todo SET id = 1 WHERE"), at + `1, line 1, column 29: incomplete input`},
		{on("UPDATE todo SET nope = 1"), at + `1, line 1, column 17: no such column: nope`},
		{on("UPDATE todo SET n = t.nope FROM todo AS t"), at + `1, line 1, column 23: no such column: t.nope`},
		{on("DELETE FROM nope"), at + `1, line 1, column 13: no such table: nope`},
		{on("UPDATE todo SET n = nope(1)"), at + `1, line 1, column 21: no such function: nope`},
		{on("UPDATE todo SET n = 'x"), at + `1, line 1, column 21: unrecognized token: "'x"`},
		{on("UPDATE todo SET n = :payload.n"), at + `1, line 1, column 29: near ".": syntax error`},
		{on("UPDATE todo SET n = :n"), at + `1: :n is not a parameter: there are :created_at, `},
		{on("UPDATE todo SET n = ?"), at + `1: ? is not a parameter`},
		{on("UPDATE todo SET n = 1; DELETE FROM todo"), at + `1: it is more than one statement`},
		{on("SELECT * FROM todo"), at + `1: it writes nothing`},
		{on(" -- nothing"), at + `1: there is no statement in it`},
		{on("DELETE FROM projection_versions"), at + `1, line 1, column 13: no such table: projection_versions`},
		{on("DELETE FROM sqlite_schema"), at + `1`},
		{on("DROP TABLE todo"), at + `1: it must be an INSERT, UPDATE, DELETE or SELECT`},
		{on("PRAGMA user_version = 7"), at + `1: it must be`},
		{on("ATTACH 'x' AS y"), at + `1: it must be`},
		{on("UPDATE todo SET n = random()"), at + `1, line 1, column 21: random is another value each time`},
		{on("UPDATE todo SET id = current_timestamp"), at + `1, line 1, column 22: current_timestamp is another value`},
		{on("UPDATE todo SET id = datetime( 'NOW' )"), at + `1, line 1, column 32: 'NOW' is another value`},
		{on("UPDATE todo SET id = datetime()"), at + `1, line 1, column 22: datetime is another value`},
		{on(), `projection "todo": it has no statement for the event type "added"`},
		{projection.SQL{Name: "todo", Schema: projection.Texts{schema}}, `projection "todo": it consumes nothing`},
		{made(schema, "CREATE TABLE\n todo (stream_id)"), `projection "todo", schema, statement 2: todo is there already, in projection todo`},
		{made("CREATE TABLE x (a)"), `projection "todo": its table x needs a column stream_id`},
		{made("CREATE TABLE x (stream_id, x)"), `projection "todo": its table x has a column with the name of a table, x`},
		{made("CREATE TABLE x (stream_id, )"), `projection "todo", schema, statement 1, line 1, column 28: near ")": syntax error`},
		{made("CREATE TABLE x (stream_id, at DEFAULT current_time)"), `projection "todo", schema, statement 1, line 1, column 39: current_time is another value`},
		{made("CREATE TABLE x (stream_id REFERENCES streams)"), `projection "todo", schema, statement 1, line 1, column 27: REFERENCES ties rows`},
		{made("CREATE VIEW x AS SELECT 1"), `projection "todo", schema, statement 1: it must be CREATE TABLE`},
		{made("CREATE TEMP TABLE x (stream_id)"), `projection "todo", schema, statement 1: it must be`},
		{made("CREATE TABLE sqlite_x (stream_id)"), `projection "todo", schema, statement 1: sqlite_x cannot be the name`},
		{made(`CREATE TABLE "a b" (stream_id)`), `projection "todo", schema, statement 1: a b cannot be the name`},
		{made(schema, "CREATE INDEX i ON streams (id)"), `projection "todo", schema, statement 2, line 1, column 19: no such table: main.streams`},
		{made(), `projection "todo": its schema makes no table`},
	} {
		err := projection.Check([]projection.Projection{c.p.Projection()})
		var definition *projection.DefinitionError
		if !errors.As(err, &definition) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v %v:\ngot  %v\nwant %s", c.p.Schema, c.p.On, err, c.want)
		}
	}
	if err := projection.Check([]projection.Projection{on("UPDATE todo SET n = (SELECT count(*) FROM todo, json_each(:payload, '$.a')) WHERE id = :payload ->> 'a'").Projection()}); err != nil {
		t.Error(err)
	}
	if err := projection.Check([]projection.Projection{on("DELETE FROM todo").Projection(), on("DELETE FROM todo").Projection()}); err == nil {
		t.Error("two projections of one name are taken")
	}
	taken := made("CREATE TABLE events (stream_id)")
	taken.On = map[string]projection.Texts{"added": {"DELETE FROM events"}}
	r := open(t)
	if err := r.tryOpen(projection.Options{}, taken.Projection()); err == nil || !strings.Contains(err.Error(), "a table events is there already") {
		t.Errorf("a table of the mirror is taken: %v", err)
	}
}
