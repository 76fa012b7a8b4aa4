package projection_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

var (
	pond = millpond.Name{Namespace: "default", Path: "/pond"}
	lake = millpond.Name{Namespace: "default", Path: "/lake"}
)

// serverLog is a stream as the server has it.
type serverLog struct {
	incarnation millpond.Incarnation
	events      []millpond.Event
	records     [][]byte
	hashes      []millpond.Hash // after each record
}

// newLog makes a log of n events, the same for the same seed.
func newLog(seed uint64, n int) *serverLog {
	random := rand.New(rand.NewPCG(seed, 0))
	at := time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC).Add(time.Duration(seed) * time.Hour)
	l := &serverLog{incarnation: millpond.IncarnationOf(at)}
	for range n {
		at = at.Add(time.Duration(random.IntN(1e9)))
		l.append(randomEvent(random, at))
	}
	return l
}

var types = []string{"stream/woken", "stream/child-stream-created", "frog", "newt", "newt", "newt", "toad"}

func randomEvent(random *rand.Rand, at time.Time) millpond.Event {
	e := millpond.Event{Type: types[random.IntN(len(types))], CreatedAt: at}
	if random.IntN(4) > 0 {
		e.Payload = json.RawMessage(fmt.Sprintf(`{"n": %d, "who": "w%d", "text": "%s \" é"}`, random.IntN(1000), random.IntN(5), strings.Repeat(" x", random.IntN(9))))
	}
	if random.IntN(3) == 0 {
		e.Metadata = json.RawMessage(fmt.Sprintf(`{"user" :%d}`, random.IntN(9)))
	}
	if random.IntN(3) == 0 {
		e.IdempotencyKey = fmt.Sprintf("key-%d", random.Uint64())
	}
	if random.IntN(3) == 0 {
		e.Source = &millpond.Source{Processor: millpond.ProcessorID{Slug: "slug", Version: "1"}}
	}
	return e
}

// append gives an event the next offset and adds it.
func (l *serverLog) append(e millpond.Event) {
	e.Offset = uint64(len(l.records) + 1)
	record := millpond.AppendRecord(nil, &e)
	l.events = append(l.events, e)
	l.hashes = append(l.hashes, l.hash(len(l.records)).Next(record))
	l.records = append(l.records, record)
}

func (l *serverLog) hash(offset int) millpond.Hash {
	if offset == 0 {
		return 0
	}
	return l.hashes[offset-1]
}

// batch is the events from one offset to another, both included.
func (l *serverLog) batch(from, to int) *millpond.Batch {
	b := &millpond.Batch{LastOffset: uint64(to), MaxOffset: uint64(len(l.records)), Hash: l.hash(to)}
	for _, record := range l.records[from-1 : to] {
		b.Records = millpond.AppendFramedRecord(b.Records, record)
	}
	return b
}

// rig is a mirror's database with projections.
type rig struct {
	t       testing.TB
	conn    sqlite.Conn
	replica *replica.Replica
	set     *projection.Set
}

// open opens the database with projections. Another one is opened with reopen.
func open(t testing.TB, list ...projection.Projection) *rig {
	t.Helper()
	r := &rig{t: t, conn: sqlitetest.Open(t)}
	r.reopen(list...)
	t.Cleanup(r.close)
	return r
}

func (r *rig) reopen(list ...projection.Projection) {
	r.t.Helper()
	if err := r.tryOpen(projection.Options{}, list...); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) tryOpen(options projection.Options, list ...projection.Projection) (err error) {
	r.t.Helper()
	r.close()
	if r.replica, err = replica.Open(r.conn, replica.Options{}); err != nil {
		r.t.Fatal(err)
	}
	if r.set, err = projection.Open(r.conn, list, options); err == nil {
		r.replica.Fold(r.set)
	}
	return err
}

func (r *rig) close() {
	if r.set != nil {
		if err := r.set.Close(); err != nil {
			r.t.Error(err)
		}
	}
	if r.replica != nil {
		if err := r.replica.Close(); err != nil {
			r.t.Error(err)
		}
	}
	r.set, r.replica = nil, nil
}

func (r *rig) apply(name millpond.Name, l *serverLog, from, to int) {
	r.t.Helper()
	if _, err := r.replica.Apply(name, l.incarnation, l.batch(from, to)); err != nil {
		r.t.Fatalf("apply %d to %d: %v", from, to, err)
	}
}

// build does all that is behind, and returns in how many steps.
func (r *rig) build() (steps int) {
	r.t.Helper()
	for r.set.Behind() {
		if steps++; steps > 10_000 {
			r.t.Fatal("building does not end")
		}
		if err := r.set.Step(); err != nil {
			r.t.Fatal(err)
		}
	}
	return steps
}

func (r *rig) status() []projection.Status {
	r.t.Helper()
	list, err := r.set.Status()
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

// rows is the answer of a statement, a line a row.
func (r *rig) rows(sql string) string {
	r.t.Helper()
	stmt, _, err := r.conn.Prepare(sql)
	if err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
	defer stmt.Close()
	var text strings.Builder
	for stmt.Step() {
		for i := range stmt.ColumnCount() {
			if i > 0 {
				text.WriteByte('|')
			}
			text.WriteString(stmt.ColumnText(i))
		}
		text.WriteByte('\n')
	}
	if err := stmt.Err(); err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
	return text.String()
}

func (r *rig) want(sql, want string) {
	r.t.Helper()
	if got := r.rows(sql); got != want {
		r.t.Errorf("%s\ngot:\n%swant:\n%s", sql, got, want)
	}
}

// counts counts the events of each type that have a payload, and sums a member of it: declared as SQL.
func counts(version string) projection.Projection {
	return projection.SQL{
		Name:    "counts",
		Version: version,
		Schema: projection.Texts{`CREATE TABLE counts (stream_id INTEGER, type TEXT, n INTEGER, total INTEGER, last BLOB, PRIMARY KEY (stream_id, type)) STRICT, WITHOUT ROWID`,
			`CREATE INDEX counts_by_n ON counts (stream_id, n)`},
		On: map[string]projection.Texts{
			"newt": {`INSERT INTO counts VALUES (:stream_id, :type, 1, coalesce(:payload ->> 'n', 0), :payload)
				ON CONFLICT DO UPDATE SET n = counts.n + 1, total = total + excluded.total, last = excluded.last`},
			"frog": {`INSERT INTO counts VALUES (:stream_id, 'any', 0, 0, NULL) ON CONFLICT DO NOTHING`,
				`UPDATE counts SET n = n + 1 WHERE stream_id = :stream_id AND type = 'any'`},
		},
	}.Projection()
}

// chain is a Go projection whose rows depend on all events before, and on each byte that Apply is given.
func chain(version string) projection.Projection {
	return projection.Projection{
		Name:     "chain",
		Version:  version,
		Consumes: []string{"*"},
		Schema:   `CREATE TABLE chain (stream_id INTEGER PRIMARY KEY, hash TEXT); CREATE TABLE seen (stream_id INTEGER, offset INTEGER, hash TEXT)`,
		Apply: func(tx *projection.Tx, events []millpond.Event) error {
			hash, known := tx.Memory.(millpond.Hash)
			if !known {
				err := tx.Query("SELECT hash FROM chain WHERE stream_id = ?", func(row sqlite.Stmt) error {
					return hash.UnmarshalText(row.ColumnBlob(0))
				}, tx.StreamID)
				if err != nil {
					return err
				}
			}
			for i := range events {
				hash = hash.Next(millpond.AppendRecord(nil, &events[i]))
				if events[i].Offset%5 == 0 {
					if err := tx.Exec("INSERT INTO seen VALUES (?, ?, ?)", tx.StreamID, events[i].Offset, hash.String()); err != nil {
						return err
					}
				}
			}
			tx.Memory = hash
			return tx.Exec("INSERT OR REPLACE INTO chain VALUES (?, ?)", tx.StreamID, hash.String())
		},
	}
}

// dump is all rows of counts and chain, but for the numbers of the streams.
func (r *rig) dump() string {
	r.t.Helper()
	return r.rows(`SELECT s.path, c.type, c.n, c.total, json(c.last) FROM counts AS c JOIN streams AS s ON s.id = c.stream_id ORDER BY 1, 2`) +
		r.rows(`SELECT s.path, c.hash FROM chain AS c JOIN streams AS s ON s.id = c.stream_id ORDER BY 1`) +
		r.rows(`SELECT s.path, c.offset, c.hash FROM seen AS c JOIN streams AS s ON s.id = c.stream_id ORDER BY 1, 2`) +
		r.rows(`SELECT name, path, offset, state FROM projections ORDER BY 1, 2`)
}

// fresh is the dump of a database that got all of the logs in a batch each.
func fresh(t testing.TB, logs map[millpond.Name]*serverLog, n int) string {
	t.Helper()
	r := open(t, counts("1"), chain("1"))
	for name, l := range logs {
		r.apply(name, l, 1, n)
	}
	return r.dump()
}
