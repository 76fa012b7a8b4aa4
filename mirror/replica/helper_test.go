package replica_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

var (
	chat  = millpond.Name{Namespace: "default", Path: "/chat"}
	other = millpond.Name{Namespace: "default", Path: "/other"}
)

// serverLog is a stream as the server has it.
type serverLog struct {
	incarnation millpond.Incarnation
	records     [][]byte
	hashes      []millpond.Hash // after each record
}

// newLog makes a log of n events with all kinds of fields, the same for the same seed.
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

func randomEvent(random *rand.Rand, at time.Time) millpond.Event {
	e := millpond.Event{Type: fmt.Sprintf("type-%d", random.IntN(3)), CreatedAt: at}
	if random.IntN(4) > 0 {
		e.Payload = json.RawMessage(fmt.Sprintf(`{"n":%d,"text":"%s"}`, random.IntN(1000), strings.Repeat("é", random.IntN(50))))
	}
	if random.IntN(3) == 0 {
		e.Metadata = json.RawMessage(fmt.Sprintf(`{"user":%d}`, random.IntN(9)))
	}
	if random.IntN(3) == 0 {
		e.IdempotencyKey = fmt.Sprintf("key-%d", random.Uint64())
	}
	if random.IntN(3) == 0 {
		e.Source = &millpond.Source{Processor: millpond.ProcessorID{Slug: fmt.Sprintf("slug-%d", random.IntN(2)), Version: "1"}}
	}
	return e
}

// append gives an event the next offset and adds it.
func (l *serverLog) append(e millpond.Event) {
	e.Offset = uint64(len(l.records) + 1)
	record := millpond.AppendRecord(nil, &e)
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

func (l *serverLog) position(offset int) millpond.Position {
	return millpond.Position{Incarnation: l.incarnation, Offset: uint64(offset), Hash: l.hash(offset)}
}

// fork is a log that is the same up to an offset, and n other events after it.
func (l *serverLog) fork(offset, n int) *serverLog {
	f := &serverLog{incarnation: l.incarnation, records: l.records[:offset:offset], hashes: l.hashes[:offset:offset]}
	for i := range n {
		f.append(millpond.Event{Type: "forked", Payload: json.RawMessage(fmt.Sprint(i)), CreatedAt: time.Unix(1e9, 0)})
	}
	return f
}

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) options() replica.Options {
	return replica.Options{Now: func() time.Time { return c.now }}
}

func open(t testing.TB, conn sqlite.Conn, options replica.Options) *replica.Replica {
	t.Helper()
	r, err := replica.Open(conn, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func mustApply(t testing.TB, r *replica.Replica, name millpond.Name, l *serverLog, from, to int) {
	t.Helper()
	if _, err := r.Apply(name, l.incarnation, l.batch(from, to)); err != nil {
		t.Fatalf("apply %d to %d: %v", from, to, err)
	}
}

func wantPosition(t testing.TB, r *replica.Replica, name millpond.Name, want millpond.Position) {
	t.Helper()
	if got, err := r.Position(name); err != nil || got != want {
		t.Fatalf("position of %s is %+v, %v; want %+v", name, got, err, want)
	}
}

// dump is all that the replica holds but inserted_at, as text. Equal dumps are equal copies.
func dump(t testing.TB, conn sqlite.Conn) string {
	t.Helper()
	return rows(t, conn, "SELECT namespace, path, incarnation, offset, hash, max_offset FROM streams ORDER BY namespace, path") +
		rows(t, conn, `SELECT s.path, e.offset, local_index, type, created_at, idempotency_key, source_slug, source_version, e.hash,
			json(metadata), json(payload) FROM events AS e LEFT JOIN streams AS s ON s.id = e.stream_id ORDER BY s.path, e.offset`)
}

// rows is the answer of a statement, a line a row.
func rows(t testing.TB, conn sqlite.Conn, sql string) string {
	t.Helper()
	stmt, _, err := conn.Prepare(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
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
		t.Fatalf("%s: %v", sql, err)
	}
	return text.String()
}

func exec(t testing.TB, conn sqlite.Conn, sql string) {
	t.Helper()
	if err := conn.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
