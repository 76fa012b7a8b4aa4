package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	millpond "github.com/millpond-dev/millpond"
)

// slowly lets the queries of a page take as long as they need: how fast the machine is is not what a test asks.
var slowly = fmt.Sprintf(`{
	const post = Worker.prototype.postMessage;
	Worker.prototype.postMessage = function (message, ...rest) {
		if (message.kind === 'start') message.options.maxQueryStepMs = %d;
		return post.call(this, message, ...rest);
	};
}`, patience.Milliseconds())

// openViewer opens the example UI on a stream and waits until it shows something of its mirror.
func openViewer(b *Browser, base, path string) *Tab {
	b.t.Helper()
	tab := b.Open(base+"/streams"+path, slowly)
	tab.waitAttached()
	return tab
}

// waitAttached waits until the page's mirror answers.
func (tab *Tab) waitAttached() {
	tab.t.Helper()
	tab.Wait(`window.millpond?.status.getSnapshot().attached`)
}

// value is the one value that an SQL statement selects in the page's mirror.
func value[T any](tab *Tab, sql string) T {
	tab.t.Helper()
	return eval[T](tab, fmt.Sprintf(`millpond.query(%q).then(r => r.rows[0][0])`, sql))
}

// waitCaughtUp waits until the page's mirror has all events of a stream that the server has, and checks that it has
// them exactly: count, offsets, order, types, payloads and the log's hash.
func (tab *Tab) waitCaughtUp(s *Server, path string) {
	tab.t.Helper()
	log := s.Log(path)
	tab.waitOffset(path, log[len(log)-1].Offset)
	tab.checkCopy(log, path)
}

// waitOffset waits until the page's mirror has the event with an offset.
func (tab *Tab) waitOffset(path string, offset uint64) {
	tab.t.Helper()
	tab.Wait(fmt.Sprintf(`(millpond.status.getSnapshot().streams.find(s => s.path === %q)?.offset ?? 0) >= %d`, path, offset))
}

// checkCopy checks that the page's mirror holds exactly the events.
func (tab *Tab) checkCopy(log []millpond.Event, path string) {
	tab.t.Helper()
	var hash millpond.Hash
	for i := range log {
		hash = hash.Next(millpond.AppendRecord(nil, &log[i]))
	}
	position := eval[struct {
		Incarnation, Hash string
		Offset            uint64
	}](tab, fmt.Sprintf(`millpond.status.getSnapshot().streams.find(s => s.path === %q)`, path))
	if position.Offset != uint64(len(log)) || position.Hash != hash.String() ||
		position.Incarnation != string(millpond.IncarnationOf(log[0].CreatedAt)) {
		tab.t.Errorf("the mirror is at %+v; the server's log of %d events, created %s, has the hash %s",
			position, len(log), log[0].CreatedAt, hash)
	}
	rows := eval[[][3]any](tab, fmt.Sprintf(`millpond.query("SELECT e.offset, e.type, json(e.payload) FROM events e `+
		`JOIN streams s ON s.id = e.stream_id WHERE s.path = '%s' ORDER BY e.offset").then(r => r.rows)`, path))
	if len(rows) != len(log) {
		tab.t.Fatalf("the mirror has %d rows, the server %d events", len(rows), len(log))
	}
	for i, row := range rows {
		var payload any
		if log[i].Payload != nil {
			var b bytes.Buffer
			if err := json.Compact(&b, log[i].Payload); err != nil {
				tab.t.Fatal(err)
			}
			payload = b.String()
		}
		if want := [3]any{float64(log[i].Offset), log[i].Type, payload}; row != want {
			tab.t.Fatalf("row %d of the mirror is %v, the server's event %v", i, row, want)
		}
	}
}

// Log reads all events of a stream.
func (s *Server) Log(path string) []millpond.Event {
	s.t.Helper()
	var all []millpond.Event
	for {
		var page []millpond.Event
		s.get(fmt.Sprintf("/api/streams/default%s?after=%d&limit=1000", path, len(all)), &page)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
	}
	for i := range all {
		if all[i].Offset != uint64(i+1) {
			s.t.Fatalf("the server's event %d has the offset %d", i, all[i].Offset)
		}
	}
	return all
}

// ndjson is n events of a type, numbered from first, one a line.
func ndjson(eventType string, first, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"type":%q,"payload":{"n":%d,"text":"%s"}}`+"\n", eventType, first+i, strings.Repeat("x", 200))
	}
	return b.String()
}

// batch is n events of a type, numbered from first, as a JSON array.
func batch(eventType string, first, n int) string {
	lines := strings.Split(strings.TrimSpace(ndjson(eventType, first, n)), "\n")
	return "[" + strings.Join(lines, ",") + "]"
}

// appendSteadily appends events with keys k0, k1, … until stop is closed, through restarts of the server, and then
// returns those that were acknowledged, by key with their offset.
func appendSteadily(s *Server, path string, stop <-chan struct{}) <-chan map[string]uint64 {
	done := make(chan map[string]uint64, 1)
	go func() {
		acknowledged := make(map[string]uint64)
		for i := 0; ; i++ {
			if ended(stop, s.t.Context().Done()) {
				done <- acknowledged
				return
			}
			key := fmt.Sprintf("k%d", i)
			body := fmt.Sprintf(`{"type":"load","payload":{"n":%d},"idempotencyKey":%q}`, i, key)
			for attempt := 0; ; attempt++ { // the same key each time: a retry must not append twice
				ev, err := s.appendOne(path, body)
				if err == nil {
					acknowledged[key] = ev.Offset
					break
				}
				if ended(stop, s.t.Context().Done()) {
					done <- acknowledged
					return
				}
			}
		}
	}()
	return done
}

// ended reports whether the load is to stop, or its test has failed.
func ended(stop, failed <-chan struct{}) bool {
	select {
	case <-stop:
	case <-failed:
	default:
		return false
	}
	return true
}
