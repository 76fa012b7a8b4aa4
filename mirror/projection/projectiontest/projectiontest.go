// Package projectiontest tests projections as a mirror would use them, and worse.
package projectiontest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// Stream is the stream that events are of.
var Stream = millpond.Name{Namespace: "default", Path: "/test"}

// Fold folds events into a projection: once in one batch, and again and again in batches of any size, some of which fail at their end,
// with restarts between them, and built anew from what is stored. The test fails when the rows are not always the same, or when
// the projection fails. The events get offsets from 1 on. What is returned has the rows.
func Fold(t testing.TB, p projection.Projection, events ...millpond.Event) *Mirror {
	t.Helper()
	const ways = 8
	once := New(t, p)
	once.Append(events...)
	want := once.Dump()
	for seed := range uint64(ways) {
		m := New(t, p)
		m.appendAnyhow(rand.New(rand.NewPCG(seed, 0)), events)
		if got := m.Dump(); got != want {
			t.Errorf("in other batches (way %d) the rows are\n%s\nand in one batch\n%s", seed, got, want)
			break
		}
	}
	anew := New(t)
	anew.Append(events...)
	anew.Reopen(p)
	anew.Build()
	if got := anew.Dump(); got != want {
		t.Errorf("built from stored events the rows are\n%s\nand at first\n%s", got, want)
	}
	return once
}

// Mirror is the database of a mirror with one stream.
type Mirror struct {
	Conn    sqlite.Conn
	Set     *projection.Set
	Replica *replica.Replica

	t           testing.TB
	projections []projection.Projection
	offset      uint64
	hash        millpond.Hash
}

// New makes a database in memory, with projections. It goes with the test.
func New(t testing.TB, projections ...projection.Projection) *Mirror {
	t.Helper()
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &Mirror{Conn: conn, t: t}
	m.Reopen(projections...)
	t.Cleanup(func() {
		m.close()
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// Reopen opens the database anew, as another run of a program would, with other projections.
func (m *Mirror) Reopen(projections ...projection.Projection) {
	m.t.Helper()
	m.close()
	m.projections = projections
	var err error
	if m.Replica, err = replica.Open(m.Conn, replica.Options{}); err != nil {
		m.t.Fatal(err)
	}
	if m.Set, err = projection.Open(m.Conn, projections, projection.Options{}); err != nil {
		m.t.Fatal(err)
	}
	m.Replica.Fold(m.Set)
}

func (m *Mirror) close() {
	if m.Set != nil {
		m.Set.Close()
		m.Set = nil
	}
	if m.Replica != nil {
		m.Replica.Close()
		m.Replica = nil
	}
}

const incarnation millpond.Incarnation = "2026-01-01T00:00:00.000000000Z"

// Append stores events, as one batch from the server, and fails the test when a projection fails.
func (m *Mirror) Append(events ...millpond.Event) {
	m.t.Helper()
	if err := m.apply(events, false); err != nil {
		m.t.Fatal(err)
	}
	m.check()
}

func (m *Mirror) apply(events []millpond.Event, fail bool) error {
	batch := millpond.Batch{LastOffset: m.offset + uint64(len(events)), Hash: m.hash}
	batch.MaxOffset = batch.LastOffset
	for i := range events {
		e := events[i]
		e.Offset = m.offset + uint64(i) + 1
		if e.CreatedAt.IsZero() {
			e.CreatedAt = time.Date(2026, 1, 2, 3, 4, 5, int(e.Offset)*1000, time.UTC)
		}
		record := millpond.AppendRecord(nil, &e)
		batch.Records = millpond.AppendFramedRecord(batch.Records, record)
		batch.Hash = batch.Hash.Next(record)
	}
	hash := batch.Hash
	if fail {
		batch.Hash++
	}
	_, err := m.Replica.Apply(Stream, incarnation, &batch)
	if err == nil {
		m.offset, m.hash = batch.LastOffset, hash
	}
	return err
}

func (m *Mirror) appendAnyhow(random *rand.Rand, events []millpond.Event) {
	m.t.Helper()
	for len(events) > 0 {
		n := 1 + random.IntN(min(len(events), 1+random.IntN(50)))
		switch random.IntN(8) {
		case 0:
			if m.apply(events[:n], true) == nil {
				m.t.Fatal("a batch with the wrong hash is applied")
			}
			continue
		case 1:
			m.Reopen(m.projections...)
		}
		m.Append(events[:n]...)
		events = events[n:]
	}
}

// Build does all that the projections are behind.
func (m *Mirror) Build() {
	m.t.Helper()
	for m.Set.Behind() {
		if err := m.Set.Step(); err != nil {
			m.t.Fatal(err)
		}
	}
	m.check()
}

func (m *Mirror) check() {
	m.t.Helper()
	list, err := m.Set.Status()
	if err != nil {
		m.t.Fatal(err)
	}
	for _, s := range list {
		if s.Problem != nil {
			m.t.Fatalf("projection %s fails at offset %d: %s", s.Name, s.Problem.Offset, s.Problem.Message)
		}
	}
}

// Rows is the answer of a statement: a line a row, "|" between the cells.
func (m *Mirror) Rows(sql string) string {
	m.t.Helper()
	stmt, _, err := m.Conn.Prepare(sql)
	if err != nil {
		m.t.Fatalf("%s: %v", sql, err)
	}
	defer stmt.Close()
	var text strings.Builder
	err = sqlite.Each(stmt, func(row sqlite.Stmt) error {
		for i := range row.ColumnCount() {
			if i > 0 {
				text.WriteByte('|')
			}
			text.WriteString(row.ColumnText(i))
		}
		text.WriteByte('\n')
		return nil
	})
	if err != nil {
		m.t.Fatalf("%s: %v", sql, err)
	}
	return text.String()
}

// Dump is all rows of the projections' tables.
func (m *Mirror) Dump() string {
	m.t.Helper()
	var text strings.Builder
	tables := strings.Fields(m.Rows("SELECT t.value FROM projection_versions AS v, json_each(v.tables) AS t WHERE v.serving"))
	slices.Sort(tables)
	for _, table := range tables {
		lines := strings.SplitAfter(m.Rows(fmt.Sprintf("SELECT * FROM %q", table)), "\n")
		slices.Sort(lines)
		fmt.Fprintf(&text, "%s:\n%s", table, strings.Join(lines, ""))
	}
	return text.String()
}
