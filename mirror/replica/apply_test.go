package replica_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite/sqlitetest"
)

// B10: every field of an event is a column, the payload once and as JSONB.
func TestApplyStoresEveryField(t *testing.T) {
	conn := sqlitetest.Open(t)
	clock := &clock{time.UnixMicro(1_800_000_000_000_001)}
	r := open(t, conn, clock.options())
	l := &serverLog{incarnation: "2026-01-01T00:00:00.000000000Z"}
	l.append(millpond.Event{
		Type: "said", CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC), IdempotencyKey: "k",
		Payload: json.RawMessage(`{"text":"hi","n":[1,2.50,null]}`), Metadata: json.RawMessage(`{"user":7}`),
		Source: &millpond.Source{Processor: millpond.ProcessorID{Slug: "bot", Version: "1.2"}},
	})
	l.append(millpond.Event{Type: "left", CreatedAt: time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)})
	l.append(millpond.Event{Type: "null", CreatedAt: time.Unix(0, 0), Payload: json.RawMessage("null")})
	mustApply(t, r, chat, l, 1, 3)

	got := rows(t, conn, `SELECT stream_id, offset, local_index, type, created_at, inserted_at, idempotency_key, source_slug,
		source_version, json(metadata), json(payload), typeof(payload), payload ->> '$.text' FROM events ORDER BY offset`)
	want := "1|1|0|said|1767323045678901|1800000000000001|k|bot|1.2|{\"user\":7}|{\"text\":\"hi\",\"n\":[1,2.50,null]}|blob|hi\n" +
		"1|2|1|left|-1000000|1800000000000001||||||null|\n" +
		"1|3|2|null|0|1800000000000001|||||null|blob|\n"
	if got != want {
		t.Errorf("events:\n%swant:\n%s", got, want)
	}
	got = rows(t, conn, "SELECT namespace, path, offset, local_index, type, created_at, payload FROM log WHERE offset < 3 ORDER BY offset")
	want = "default|/chat|1|0|said|2026-01-02T03:04:05.679Z|{\"text\":\"hi\",\"n\":[1,2.50,null]}\n" +
		"default|/chat|2|1|left|1969-12-31T23:59:59.000Z|\n"
	if got != want {
		t.Errorf("log:\n%swant:\n%s", got, want)
	}
	wantPosition(t, r, chat, l.position(3))
}

// B10: replaying identical events is ignored and keeps inserted_at.
func TestReplayIsIgnored(t *testing.T) {
	conn := sqlitetest.Open(t)
	clock := &clock{time.Unix(1000, 0)}
	r := open(t, conn, clock.options())
	l := newLog(1, 10)
	mustApply(t, r, chat, l, 1, 6)
	before := dump(t, conn)
	clock.now = time.Unix(2000, 0)
	for _, span := range [][2]int{{1, 6}, {1, 1}, {3, 5}, {6, 6}} {
		mustApply(t, r, chat, l, span[0], span[1])
		wantPosition(t, r, chat, l.position(6))
	}
	if after := dump(t, conn); after != before {
		t.Errorf("a replay has changed\n%sto\n%s", before, after)
	}
	mustApply(t, r, chat, l, 4, 10) // partly old, partly new
	wantPosition(t, r, chat, l.position(10))
	got := rows(t, conn, "SELECT inserted_at / 1000000, count(*), min(offset), max(offset) FROM events GROUP BY 1 ORDER BY 1")
	if want := "1000|6|1|6\n2000|4|7|10\n"; got != want {
		t.Errorf("inserted_at:\n%swant:\n%s", got, want)
	}
}

// What cannot be applied fails with an error to branch on, and changes nothing.
func TestRefusals(t *testing.T) {
	l, another := newLog(1, 10), newLog(2, 10)
	forked := l.fork(4, 6)
	late := l.batch(5, 7)
	late.LastOffset = 8
	short := l.batch(5, 10)
	short.LastOffset, short.MaxOffset = 40, 40
	noHash := l.batch(5, 7)
	noHash.Hash++
	hole := l.batch(5, 5)
	hole.Records = append(hole.Records, l.batch(7, 7).Records...)
	hole.LastOffset, hole.Hash = 7, l.hash(7)
	torn := l.batch(5, 7)
	torn.Records = torn.Records[:len(torn.Records)-1]
	garbage := l.batch(5, 5)
	garbage.Records = millpond.AppendFramedRecord(garbage.Records, []byte{0xff, 1, 2})
	badJSON := l.fork(4, 0)
	badJSON.append(millpond.Event{Type: "x", Payload: json.RawMessage(`{"a":`), CreatedAt: time.Unix(0, 0)})
	for range 20 {
		badJSON.append(millpond.Event{Type: "y", Payload: json.RawMessage("1"), CreatedAt: time.Unix(0, 0)})
	}
	far := l.batch(5, 5)
	far.MaxOffset = 1 << 63
	empty := l.batch(5, 4)
	empty.Hash++

	for _, c := range []struct {
		name        string
		incarnation millpond.Incarnation
		batch       *millpond.Batch
		want        error
	}{
		{"B4: another incarnation", another.incarnation, another.batch(1, 10), replica.ErrOtherIncarnation},
		{"B4: no incarnation", "", l.batch(5, 6), replica.ErrOtherIncarnation},
		{"B10: a gap before the batch", l.incarnation, l.batch(6, 8), replica.ErrGap},
		{"B10: a gap in the batch", l.incarnation, hole, replica.ErrGap},
		{"a filtered batch", l.incarnation, late, replica.ErrGap},
		{"a batch that ends before it says", l.incarnation, short, replica.ErrGap},
		{"an empty batch beyond", l.incarnation, &millpond.Batch{LastOffset: 5, MaxOffset: 5}, replica.ErrGap},
		{"B10: other content at a stored offset", l.incarnation, l.fork(3, 7).batch(2, 6), replica.ErrDiverged},
		{"B4: a log that diverged before the batch", l.incarnation, l.fork(3, 7).batch(5, 6), replica.ErrHash},
		{"another hash", l.incarnation, noHash, replica.ErrHash},
		{"an empty batch with another hash", l.incarnation, empty, replica.ErrHash},
		{"a batch cut off", l.incarnation, torn, replica.ErrRecord},
		{"a malformed record", l.incarnation, garbage, replica.ErrRecord},
		{"malformed JSON", l.incarnation, badJSON.batch(5, 5), replica.ErrRecord},
		{"malformed JSON among many", l.incarnation, badJSON.batch(5, 25), replica.ErrRecord},
		{"an offset that SQLite cannot hold", l.incarnation, far, replica.ErrRecord},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := sqlitetest.Open(t)
			r := open(t, conn, replica.Options{})
			mustApply(t, r, chat, l, 1, 4)
			before := dump(t, conn)
			if _, err := r.Apply(chat, c.incarnation, c.batch); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if conn.InTransaction() {
				t.Error("a transaction is left open")
			}
			if after := dump(t, conn); after != before {
				t.Errorf("a refused batch has changed\n%sto\n%s", before, after)
			}
			wantPosition(t, r, chat, l.position(4))
			mustApply(t, r, chat, forked, 5, 10) // the copy goes on
			wantPosition(t, r, chat, forked.position(10))
		})
	}
}

// A batch without records tells how far the log goes; Head does too.
func TestMaxOffset(t *testing.T) {
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	l := newLog(1, 9)
	wantMax := func(want string) {
		t.Helper()
		if got := rows(t, conn, "SELECT offset, max_offset FROM streams"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if err := r.Head(chat, 5); err != nil { // there is no copy to remember it with
		t.Fatal(err)
	}
	wantMax("")
	mustApply(t, r, chat, l, 1, 2)
	wantMax("2|9\n")
	if _, err := r.Apply(chat, l.incarnation, &millpond.Batch{LastOffset: 2, MaxOffset: 12, Hash: l.hash(2)}); err != nil {
		t.Fatal(err)
	}
	wantMax("2|12\n")
	for _, max := range []uint64{20, 15} {
		if err := r.Head(chat, max); err != nil {
			t.Fatal(err)
		}
		wantMax("2|20\n")
	}
	if _, err := r.Rebuild(chat, l.incarnation, l.batch(1, 9)); err != nil {
		t.Fatal(err)
	}
	wantMax("9|9\n")
}

// B4: a rebuild replaces the copy of one stream, and no other.
func TestRebuild(t *testing.T) {
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	before, after, bystander := newLog(1, 20), newLog(2, 12), newLog(3, 5)
	mustApply(t, r, chat, before, 1, 20)
	mustApply(t, r, other, bystander, 1, 5)

	if _, err := r.Rebuild(chat, after.incarnation, after.batch(3, 8)); !errors.Is(err, replica.ErrGap) {
		t.Fatalf("a rebuild that does not begin at 1: %v", err)
	}
	wantPosition(t, r, chat, before.position(20))
	if _, err := r.Rebuild(chat, after.incarnation, after.batch(1, 8)); err != nil {
		t.Fatal(err)
	}
	wantPosition(t, r, chat, before.position(20))
	wantPosition(t, r, other, bystander.position(5))
	mustApply(t, r, chat, after, 9, 12)

	fresh := sqlitetest.Open(t)
	f := open(t, fresh, replica.Options{})
	mustApply(t, f, chat, after, 1, 12)
	mustApply(t, f, other, bystander, 1, 5)
	if got, want := dump(t, conn), dump(t, fresh); got != want {
		t.Errorf("rebuilt:\n%sfresh:\n%s", got, want)
	}
	if _, err := f.Rebuild(millpond.Name{Namespace: "default", Path: "/new"}, after.incarnation, after.batch(1, 1)); err != nil {
		t.Errorf("rebuild of a stream without a copy: %v", err)
	}
	if _, err := f.Rebuild(chat, "", after.batch(1, 1)); !errors.Is(err, replica.ErrOtherIncarnation) {
		t.Errorf("rebuild of no incarnation: %v", err)
	}
}

// B10, B4: any split of a log into batches, with any of them sent again and with overlaps, makes the same rows.
func TestAnySplitMakesTheSameRows(t *testing.T) {
	const size = 80
	l := newLog(7, size)
	whole := sqlitetest.Open(t)
	mustApply(t, open(t, whole, replica.Options{}), chat, l, 1, size)
	want := dump(t, whole)
	conn := sqlitetest.Open(t)
	r := open(t, conn, replica.Options{})
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		exec(t, conn, "DELETE FROM streams; DELETE FROM event_rows")
		r.Close()
		r = open(t, conn, replica.Options{})
		for at := 0; at < size; {
			from := 1 + random.IntN(at+1)
			to := min(size, from+random.IntN(35))
			mustApply(t, r, chat, l, from, to)
			at = max(at, to)
			wantPosition(t, r, chat, l.position(at))
		}
		if got := dump(t, conn); got != want {
			t.Fatalf("seed %d:\n%swant:\n%s", seed, got, want)
		}
	}
}
