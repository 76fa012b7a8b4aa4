package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// tamper runs SQL on the database while the engine is stopped.
func (h *harness) tamper(sql string) {
	h.t.Helper()
	h.stop()
	c, err := sqlite3.Open(h.dir + "/millpond.db")
	if err != nil {
		h.t.Fatal(err)
	}
	if err := c.Exec(sql); err != nil {
		h.t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.start()
}

// count runs a query on the database beside the engine.
func (h *harness) count(sql string) (n int) {
	h.t.Helper()
	c, err := sqlite3.OpenFlags(h.dir+"/millpond.db", sqlite3.OPEN_READONLY)
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	stmt, _, err := c.Prepare(sql)
	if err != nil {
		h.t.Fatal(err)
	}
	defer stmt.Close()
	for stmt.Step() {
		n = stmt.ColumnInt(0)
	}
	if err := stmt.Err(); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// S9: a snapshot that is missing, older, corrupt or of another log is made again from the log, which alone is the truth.
func TestSnapshot(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, inputs(700)...)
	h.append(n, inputs(700)...)
	h.append(n,
		millpond.Input{Type: millpond.TypeMetadataUpdated, Payload: json.RawMessage(`{"title":"<é>"}`)},
		millpond.Input{Type: millpond.TypeConfigured, Payload: json.RawMessage(`{"x":1}`)},
		millpond.Input{Type: millpond.TypePaused, Payload: json.RawMessage(`{"reason":"r"}`)})
	h.append(n, millpond.Input{Type: millpond.TypeErrorOccurred}) // after the last snapshot
	h.clock.move(time.Second)
	h.append(name("/b"), millpond.Input{Type: millpond.TypeMetadataUpdated, Payload: json.RawMessage(`{"title":"of another stream"}`)})
	want := h.state(n)
	if want.MaxOffset != 1406 || want.EventCount != 1406 || !want.Paused || want.Metadata == nil || want.IncarnationID == "" {
		t.Fatalf("state: %+v", want)
	}
	for _, sql := range []string{
		"",
		`UPDATE snapshots SET (version, data) = (SELECT version, data FROM snapshots WHERE stream = (SELECT id FROM streams WHERE path = '/b'))`,
		"DELETE FROM snapshots",
		"UPDATE snapshots SET version = 0",
		"UPDATE snapshots SET data = substr(data, 1, length(data) - 1)",
		"UPDATE snapshots SET data = x'00'",
		"UPDATE snapshots SET data = zeroblob(100)",
	} {
		h.tamper(sql)
		got := h.state(n)
		if string(got.Metadata) != `{"title":"<é>"}` { // a snapshot may escape it otherwise
			var title struct{ Title string }
			if json.Unmarshal(got.Metadata, &title) != nil || title.Title != "<é>" {
				t.Errorf("%q: metadata %s", sql, got.Metadata)
			}
			got.Metadata = want.Metadata
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", sql, got, want)
		}
		h.refuse(n, millpond.StreamPaused, input("x"))
	}
	h.tamper("UPDATE snapshots SET version = 99")
	h.append(n, millpond.Input{Type: millpond.TypeResumed})
	h.append(n, input("x"))
	h.restart()
	if got := h.state(n); got.Paused || got.MaxOffset != 1409 {
		t.Errorf("got %+v", got)
	}
}

// S9: what changes the state is in its snapshot wherever in a batch it is.
func TestSnapshotOfBatch(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, millpond.Input{Type: millpond.TypeMetadataUpdated, Payload: json.RawMessage(`{}`)}) // there is a snapshot
	h.append(n, millpond.Input{Type: millpond.TypePaused, Payload: json.RawMessage(`{"reason":"r"}`)}, millpond.Input{Type: millpond.TypeErrorOccurred})
	h.restart()
	if got := h.state(n); !got.Paused || got.MaxOffset != 5 {
		t.Errorf("after a restart: %+v", got)
	}
}

// S9: every bit of a snapshot is checked.
func TestSnapshotBits(t *testing.T) {
	stream := store.Stream{Name: name("/a"), Incarnation: "i"}
	state := millpond.State{Namespace: "default", Path: "/a", CreatedAt: "i", MaxOffset: 3, EventCount: 3, Paused: true, PauseReason: "r"}
	snapshot, err := takeSnapshot(&state)
	if err != nil {
		t.Fatal(err)
	}
	h := store.Head{Stream: stream, Offset: 3, Snapshot: snapshot}
	if got, err := readSnapshot(h); err != nil || !reflect.DeepEqual(got, state) {
		t.Errorf("got %+v, %v", got, err)
	}
	for i := range len(snapshot.Data) * 8 {
		h.Snapshot.Data = bytes.Clone(snapshot.Data)
		h.Snapshot.Data[i/8] ^= 1 << (i % 8)
		if got, err := readSnapshot(h); err == nil {
			t.Errorf("with bit %d changed: %+v", i, got)
		}
	}
	h.Snapshot = snapshot
	for _, other := range []store.Head{
		{Stream: store.Stream{Name: name("/a"), Incarnation: "j"}, Offset: 3, Snapshot: snapshot},
		{Stream: stream, Offset: 2, Snapshot: snapshot},
		{Stream: stream, Offset: 3, Snapshot: store.Snapshot{Version: millpond.StateVersion - 1, Data: snapshot.Data}},
		{Stream: stream, Offset: 3, Snapshot: store.Snapshot{Version: millpond.StateVersion + 1, Data: snapshot.Data}},
		{Stream: stream, Offset: 3},
	} {
		if got, err := readSnapshot(other); err == nil {
			t.Errorf("a snapshot of another log, of another version, or none: %+v", got)
		}
	}
}

// S9: a log that contradicts its head is an error, not another truth.
func TestCorruptLog(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, inputs(10)...)
	h.append(name("/b"), input("x"))
	h.tamper("DELETE FROM log WHERE stream = 1 AND offset = 12")
	if _, err := h.Append(t.Context(), n, inputs(1)); !errors.Is(err, millpond.Internal) {
		t.Errorf("got %v, want Internal", err)
	}
	if _, err := h.Subscribe(t.Context(), n, SubscribeOptions{}); !errors.Is(err, millpond.Internal) {
		t.Errorf("got %v, want Internal", err)
	}
	h.append(name("/b"), input("x")) // others work on
}

// S19: configured and metadata-updated replace what was there.
func TestConfigured(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	for _, text := range []string{`{"a":1,"b":2}`, `{"b":3}`} {
		h.append(n, millpond.Input{Type: millpond.TypeConfigured, Payload: json.RawMessage(text)},
			millpond.Input{Type: millpond.TypeMetadataUpdated, Payload: json.RawMessage(text)})
		if state := h.state(n); string(state.Config) != text || string(state.Metadata) != text {
			t.Errorf("got %s, %s, want %s", state.Config, state.Metadata, text)
		}
	}
	h.restart()
	if state := h.state(n); string(state.Config) != `{"b":3}` {
		t.Errorf("after a restart: %s", state.Config)
	}
}

// S12: the runtime state shows live connections.
func TestRuntime(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, inputs(3)...)
	named, anonymous := h.subscribe(n, SubscribeOptions{After: from(1), Key: "k"}), h.subscribe(n, SubscribeOptions{})
	defer named.Close()
	h.next(named, 1)
	h.next(named, 1<<20)
	now := h.clock.now()
	_, runtime, err := h.State(t.Context(), n)
	want := map[string]Connection{
		"k":  {Direction: "inbound", StartedAt: now, Cursor: 5, Batches: 2, Events: 4, LastDelivery: &now},
		"#1": {Direction: "inbound", StartedAt: now, Cursor: 5},
	}
	if err != nil || !reflect.DeepEqual(runtime.Connections, want) {
		t.Errorf("got %+v, %v, want %+v", runtime.Connections, err, want)
	}
	anonymous.Close()
	if _, runtime, _ = h.State(t.Context(), n); len(runtime.Connections) != 1 {
		t.Errorf("after one was closed: %+v", runtime.Connections)
	}
}

// S12: a dry run tells the state after an append, or why that would be refused, and changes nothing.
func TestReduce(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, keyed("x", "k"))
	before := h.state(n)
	commits := h.store.set(nil, nil)
	paused := millpond.Input{Type: millpond.TypePaused, Payload: json.RawMessage(`{"reason":"r"}`)}
	for range 2 { // in memory or not
		got, err := h.Reduce(t.Context(), n, []millpond.Input{input("y"), keyed("z", "k"), paused})
		want := before
		want.MaxOffset, want.EventCount, want.Paused, want.PauseReason = before.MaxOffset+2, before.EventCount+2, true, "r"
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		for _, test := range []struct {
			inputs []millpond.Input
			want   millpond.ErrorCode
		}{
			{[]millpond.Input{paused, input("y")}, millpond.StreamPaused},
			{[]millpond.Input{at("y", 99)}, millpond.OffsetConflict},
			{[]millpond.Input{{Type: "y", Stream: "../b"}}, millpond.InvalidEvent},
		} {
			if _, err := h.Reduce(t.Context(), n, test.inputs); !errors.Is(err, test.want) {
				t.Errorf("%+v: got %v, want %s", test.inputs, err, test.want)
			}
		}
		if _, err := h.Reduce(t.Context(), name("/none"), inputs(1)); !errors.Is(err, millpond.NotFound) {
			t.Errorf("got %v, want NotFound", err)
		}
		if got := h.state(n); !reflect.DeepEqual(got, before) {
			t.Errorf("the state has changed: %+v", got)
		}
		if got := h.store.set(nil, nil) - commits; got != 0 {
			t.Errorf("%d commits", got)
		}
		h.restart()
		commits = 0
	}
}

// S12: kill drops the running instance; the next touch wakes the stream, reading does not.
func TestKill(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, input("x"))
	before := h.state(n)
	for range 2 { // loaded or not
		if err := h.Kill(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if got := h.state(n); !reflect.DeepEqual(got, before) {
			t.Errorf("got %+v, want %+v", got, before)
		}
	}
	if got := h.append(n, input("x"))[0].Offset; got != 5 {
		t.Errorf("offset %d after a kill, want 5, after woken", got)
	}
	if got := h.state(n); got.IncarnationID == before.IncarnationID || got.CreatedAt != before.CreatedAt {
		t.Errorf("got %+v, want another run of the same incarnation as %+v", got, before)
	}
}

// S12: reset deletes all and begins a strictly later incarnation, whatever the clock does.
func TestReset(t *testing.T) {
	h := newHarness(t)
	n := name("/a")
	h.append(n, keyed("x", "k"), input("y"))
	h.append(name("/other"), input("x"))
	other := h.log(name("/other"))
	for i := range 6 {
		before := h.state(n)
		h.clock.move(-1)
		if i%2 == 1 {
			h.restart()
		}
		if err := h.Reset(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		after := h.state(n)
		if after.CreatedAt <= before.CreatedAt || after.MaxOffset != 2 || after.IncarnationID == before.IncarnationID {
			t.Errorf("got %+v after %+v", after, before)
		}
		if log := h.log(n); len(log) != 2 || log[0].Type != millpond.TypeCreated || log[1].Type != millpond.TypeWoken {
			t.Errorf("log after a reset: %q", types(log))
		}
		if got := h.append(n, keyed("again", "k"))[0]; got.Type != "again" || got.Offset != 3 {
			t.Errorf("a key of the old incarnation: got %+v", got)
		}
	}
	if got := h.log(name("/other")); !reflect.DeepEqual(got, other) {
		t.Errorf("another stream changed: %+v", got)
	}
}

// Reading and controlling a stream that does not exist creates nothing.
func TestNotFound(t *testing.T) {
	h := newHarness(t)
	n := name("/none")
	for range 2 {
		_, read := h.Read(t.Context(), n, ReadOptions{})
		_, event := h.Event(t.Context(), n, 1)
		_, key := h.EventByKey(t.Context(), n, "k")
		_, _, state := h.State(t.Context(), n)
		for what, err := range map[string]error{"read": read, "event": event, "key": key, "state": state,
			"kill": h.Kill(t.Context(), n), "reset": h.Reset(t.Context(), n)} {
			if !errors.Is(err, millpond.NotFound) {
				t.Errorf("%s: got %v, want NotFound", what, err)
			}
		}
		h.refuse(n, millpond.OffsetConflict, at("x", 1)) // leaves an instance in memory
	}
	if commits := h.store.set(nil, nil); commits != 0 {
		t.Errorf("%d commits", commits)
	}
}
