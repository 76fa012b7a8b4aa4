package outbox_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

const (
	first  millpond.Incarnation = "2026-01-01T00:00:00.000000000Z"
	second millpond.Incarnation = "2026-02-02T00:00:00.000000000Z"
)

var (
	chat  = millpond.Name{Namespace: "default", Path: "/chat"}
	other = millpond.Name{Namespace: "default", Path: "/other"}
)

// rig is an outbox on a database of the test.
type rig struct {
	t    *testing.T
	conn sqlite.Conn
	*outbox.Outbox
}

func newRig(t *testing.T) *rig {
	conn := sqlitetest.Open(t)
	if err := conn.Exec(outbox.Schema); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, conn: conn}
	r.reopen()
	t.Cleanup(func() { r.Close() })
	return r
}

// reopen goes on with what the database alone has.
func (r *rig) reopen() {
	r.t.Helper()
	if r.Outbox != nil {
		r.Close()
	}
	o, err := outbox.Open(r.conn, outbox.Options{Now: func() time.Time { return time.UnixMicro(1_700_000_000_000_123) }})
	if err != nil {
		r.t.Fatal(err)
	}
	r.Outbox = o
}

func inputs(keys ...string) []millpond.Input {
	list := make([]millpond.Input, len(keys))
	for i, key := range keys {
		list[i] = millpond.Input{Type: "note", Payload: json.RawMessage(`{"n": "` + key + `"}`), IdempotencyKey: key}
	}
	return list
}

func (r *rig) add(name millpond.Name, incarnation millpond.Incarnation, keys ...string) uint64 {
	r.t.Helper()
	id, err := r.Add(name, incarnation, inputs(keys...))
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// apply has events with these keys come back through the stream, as a mirror does.
func (r *rig) apply(name millpond.Name, incarnation millpond.Incarnation, replace bool, keys ...string) outbox.Outcome {
	r.t.Helper()
	r.exec("BEGIN")
	err := r.Begin(name, incarnation, replace)
	for i, key := range keys {
		if err == nil {
			err = r.Event(&millpond.Event{Offset: uint64(i + 1), Type: "note", IdempotencyKey: key})
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.exec("COMMIT")
	r.Committed()
	return r.Outcome()
}

func (r *rig) exec(sql string) {
	r.t.Helper()
	if err := r.conn.Exec(sql); err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
}

// pending is what is to be sent, in order: id, stream and keys.
func (r *rig) pending() string {
	r.t.Helper()
	list, err := r.Next(0, 1000, 1<<20)
	if err != nil {
		r.t.Fatal(err)
	}
	return describe(r.t, list)
}

func describe(t *testing.T, list []outbox.Append) string {
	t.Helper()
	var b strings.Builder
	for _, a := range list {
		events, _, err := millpond.ParseInputs(a.Events)
		if err != nil {
			t.Fatalf("%s: %v", a.Events, err)
		}
		fmt.Fprintf(&b, "%s@%.4s", a.Name.Path, a.Incarnation)
		for _, e := range events {
			b.WriteString(" " + e.IdempotencyKey)
		}
		b.WriteString("; ")
	}
	return b.String()
}

func (r *rig) want(counts outbox.Counts, pending string) {
	r.t.Helper()
	if got, err := r.Counts(); err != nil || got != counts {
		r.t.Errorf("counts are %+v, %v; want %+v", got, err, counts)
	}
	if got := r.pending(); got != pending {
		r.t.Errorf("pending is %q, want %q", got, pending)
	}
}

// What was appended is there again after a restart, in order, byte for byte as it will be sent. B15
func TestKept(t *testing.T) {
	r := newRig(t)
	a := r.add(chat, first, "a")
	b := r.add(other, "", "b", "c")
	c := r.add(chat, first, "d")
	if a >= b || b >= c {
		t.Errorf("ids are %d, %d, %d", a, b, c)
	}
	for range 2 {
		r.want(outbox.Counts{Pending: 4}, "/chat@2026 a; /other@ b c; /chat@2026 d; ")
		r.reopen()
	}
	got, err := r.Get(b)
	if err != nil || got.State != outbox.Pending || got.CreatedAt != time.UnixMicro(1_700_000_000_000_123).UTC() {
		t.Errorf("%+v, %v", got, err)
	}
	if want := `[{"type":"note","payload":{"n": "b"},"idempotencyKey":"b"},{"type":"note","payload":{"n": "c"},"idempotencyKey":"c"}]`; string(got.Events) != want {
		t.Errorf("events are %s, want %s", got.Events, want)
	}
	got, err = r.Get(a)
	if want := `[{"incarnation":"` + string(first) + `","type":"note","payload":{"n": "a"},"idempotencyKey":"a"}]`; err != nil || string(got.Events) != want {
		t.Errorf("events are %s, %v; want %s", got.Events, err, want)
	}
	list, err := r.Next(a, 1, 1)
	if err != nil || describe(t, list) != "/other@ b c; " {
		t.Errorf("after the first comes %s, %v", describe(t, list), err)
	}
}

// The commit of an append waits for the disk, and only that one does. B15
func TestDurable(t *testing.T) {
	storage := sqlitetest.New(t)
	if !storage.Durable() {
		t.Skip("this platform has no durable database for tests")
	}
	conn := storage.Open()
	if err := conn.Exec(outbox.Schema); err != nil {
		t.Fatal(err)
	}
	o, err := outbox.Open(conn, outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Add(chat, first, inputs("a")); err != nil {
		t.Fatal(err)
	}
	stmt, _, err := conn.Prepare("PRAGMA synchronous")
	if err != nil || !stmt.Step() || stmt.ColumnInt64(0) != 1 {
		t.Errorf("after it, synchronous is not NORMAL: %v", err)
	}
	stmt.Close()
	storage.Crash()
	if o, err = outbox.Open(storage.Open(), outbox.Options{}); err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if counts, err := o.Counts(); err != nil || counts.Pending != 1 {
		t.Errorf("after a crash: %+v, %v", counts, err)
	}
}

// An append is confirmed by its events, all of them, in the transaction that stores them. B15
func TestConfirmed(t *testing.T) {
	r := newRig(t)
	a := r.add(chat, first, "a", "b")
	r.add(other, first, "a")
	r.add(chat, first, "c")
	if out := r.apply(chat, first, false, "x", "", "a"); len(out.Confirmed) != 0 {
		t.Errorf("half of it confirms %+v", out)
	}
	r.want(outbox.Counts{Pending: 3}, "/chat@2026 b; /other@2026 a; /chat@2026 c; ")
	out := r.apply(chat, first, false, "b")
	if len(out.Confirmed) != 1 || out.Confirmed[0].ID != a || len(out.Confirmed[0].Events) != 2 || out.Confirmed[0].Events[0].IdempotencyKey != "a" {
		t.Errorf("confirmed is %+v", out)
	}
	r.want(outbox.Counts{Pending: 2}, "/other@2026 a; /chat@2026 c; ")
}

// A transaction that is rolled back confirms nothing.
func TestRolledBack(t *testing.T) {
	r := newRig(t)
	r.add(chat, first, "a")
	r.exec("BEGIN")
	if err := errors.Join(r.Begin(chat, first, false), r.Event(&millpond.Event{IdempotencyKey: "a"})); err != nil {
		t.Fatal(err)
	}
	r.exec("ROLLBACK")
	r.RolledBack()
	r.want(outbox.Counts{Pending: 1}, "/chat@2026 a; ")
	if out := r.apply(chat, first, false, "a"); len(out.Confirmed) != 1 {
		t.Errorf("then %+v", out)
	}
	r.want(outbox.Counts{}, "")
}

// After a failure, which leaves the outbox without its keys, the next batch is one transaction as any other: reading the keys
// must not end it.
func TestBatchAfterFailure(t *testing.T) {
	r := newRig(t)
	r.add(chat, first, "a")
	r.RolledBack()
	r.exec("BEGIN")
	if err := r.Begin(chat, first, false); err != nil {
		t.Fatal(err)
	}
	if !r.conn.InTransaction() {
		t.Fatal("the outbox has ended the transaction of the batch")
	}
	if err := r.Event(&millpond.Event{IdempotencyKey: "a"}); err != nil {
		t.Fatal(err)
	}
	r.exec("ROLLBACK")
	r.RolledBack()
	r.want(outbox.Counts{Pending: 1}, "/chat@2026 a; ")
}

// What was meant for another incarnation is not sent, and not lost. What was appended before there was a copy is meant for
// the first one that comes. B4 B15
func TestQuarantine(t *testing.T) {
	r := newRig(t)
	a := r.add(chat, first, "a")
	b := r.add(chat, "", "b")
	r.add(other, first, "c")
	r.apply(chat, first, false)
	if out := r.apply(chat, first, true); len(out.Quarantined) != 0 {
		t.Error("the same incarnation, replaced, quarantines")
	}
	if out := r.apply(chat, second, true, "z"); len(out.Quarantined) != 1 {
		t.Error("another incarnation does not quarantine")
	}
	for range 2 {
		r.want(outbox.Counts{Pending: 1, Quarantined: 2}, "/other@2026 c; ")
		r.reopen()
	}
	troubled, err := r.Troubled()
	if err != nil || len(troubled) != 2 || troubled[0].ID != a || troubled[1].ID != b || !errors.Is(troubled[1].Problem, millpond.IncarnationConflict) {
		t.Fatalf("%+v, %v", troubled, err)
	}
	if err := errors.Join(r.Retry(a, second), r.Drop(b)); err != nil {
		t.Fatal(err)
	}
	r.want(outbox.Counts{Pending: 2}, "/chat@2026 a; /other@2026 c; ")
	if got, err := r.Get(a); err != nil || got.Incarnation != second || got.Problem != nil {
		t.Errorf("sent again it is %+v, %v", got, err)
	}
}

// A refused append is kept with its reason, is not sent, and can be sent again or dropped. B15
func TestRefused(t *testing.T) {
	r := newRig(t)
	a := r.add(chat, first, "a", "b")
	r.add(chat, first, "c")
	paused := &millpond.Error{Code: millpond.StreamPaused, Message: "stream paused: lunch"}
	if err := r.Refused(a, paused); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.want(outbox.Counts{Pending: 1, Refused: 2}, "/chat@2026 c; ")
		r.reopen()
	}
	if got, err := r.Get(a); err != nil || got.State != outbox.Refused || *got.Problem != *paused {
		t.Errorf("it is %+v, %v", got, err)
	}
	if err := r.Retry(a, first); err != nil {
		t.Fatal(err)
	}
	r.want(outbox.Counts{Pending: 3}, "/chat@2026 a b; /chat@2026 c; ")
	if err := r.Drop(a); err != nil {
		t.Fatal(err)
	}
	r.want(outbox.Counts{Pending: 1}, "/chat@2026 c; ")
	if err := r.Drop(a); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("dropped twice: %v", err)
	}
	if again := r.add(chat, first, "a"); again <= a {
		t.Errorf("the id %d is used again", again)
	}
}

// Appending what waits already, with the same keys, adds nothing; with some of them it is a mistake. S2 B15
func TestSameKeys(t *testing.T) {
	r := newRig(t)
	a := r.add(chat, first, "a", "b")
	if again := r.add(chat, first, "a", "b"); again != a {
		t.Errorf("the same append is %d and %d", a, again)
	}
	r.add(chat, first, "c")
	for _, keys := range [][]string{{"a"}, {"a", "b", "d"}, {"b", "c"}, {"e", "e"}, {""}} {
		if _, err := r.Add(chat, first, inputs(keys...)); !errors.Is(err, millpond.InvalidEvent) {
			t.Errorf("%v: %v", keys, err)
		}
	}
	r.want(outbox.Counts{Pending: 3}, "/chat@2026 a b; /chat@2026 c; ")
}

// An outbox is bounded: who is over it hears so, and nothing that is in it is lost.
func TestFull(t *testing.T) {
	r := newRig(t)
	keys := make([]string, 1000)
	for n := range outbox.MaxEvents / len(keys) {
		for i := range keys {
			keys[i] = fmt.Sprint(n, "-", i)
		}
		r.add(chat, first, keys...)
	}
	if _, err := r.Add(chat, first, inputs("more")); !errors.Is(err, outbox.ErrFull) {
		t.Errorf("over the bound: %v", err)
	}
	r.apply(chat, first, false, "0-0")
	r.add(chat, first, "more")
}

// The rows can be read with SQL, next to the events.
func TestReadableBySQL(t *testing.T) {
	r := newRig(t)
	r.add(chat, first, "a")
	stmt, _, err := r.conn.Prepare("SELECT type, payload ->> 'n', state FROM outbox WHERE path = '/chat'")
	if err != nil {
		t.Fatal(err)
	}
	defer stmt.Close()
	if !stmt.Step() || stmt.ColumnText(0)+stmt.ColumnText(1)+stmt.ColumnText(2) != "noteapending" {
		t.Errorf("the row is %q %q %q", stmt.ColumnText(0), stmt.ColumnText(1), stmt.ColumnText(2))
	}
}
