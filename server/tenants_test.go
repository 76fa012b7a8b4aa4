package server

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
	"github.com/millpond-dev/millpond/server/store/memory"
)

var (
	tenantsSeed = flag.Uint64("server.seed", 1, "seed of TestTenants")
	tenantsOps  = flag.Int("server.ops", 20_000, "operations of each tenant in TestTenants")
)

// tenant is one of two users of a server, with all that it should see: a model of its own streams.
type tenant struct {
	t     *testing.T
	name  string
	other *tenant
	ts    *testServer
	rand  *rand.Rand
	peer  *peer
	id    uint64
	keys  int

	logs  map[string][]string // by path: types of the events, as the model has them
	saved map[string]int      // by path and key: index of the event
}

// TestTenants lets two identities, each with a namespace of its own, do 20,000 random things each to one server, over HTTP
// and over a websocket, to their own streams and to those of the other. What each sees is what a model says of its own
// operations alone: nothing of the other's crosses, and no attempt on the other's streams has any effect.
func TestTenants(t *testing.T) {
	seed := *tenantsSeed
	t.Logf("run it again: go test ./server -run TestTenants -args -server.seed=%d -server.ops=%d", seed, *tenantsOps)
	d := &door{allow: func(who string, _ access.Action, name millpond.Name) bool { return name.Namespace == who }}
	opts := d.options()
	opts.Limits = access.Limits{EventsPerSecond: -1, BytesPerSecond: -1}
	opts.Store = memory.New(memory.Options{})
	ts := start(t, opts)
	random := rand.New(rand.NewPCG(seed, 0))
	a, b := newTenant(t, ts, "a", random), newTenant(t, ts, "b", random)
	a.other, b.other = b, a
	for n := range 2 * *tenantsOps {
		who := a
		if random.IntN(2) == 0 {
			who = b
		}
		who.act()
		if t.Failed() {
			t.Fatalf("operation %d of seed %d", n, seed)
		}
	}
	for _, who := range []*tenant{a, b} {
		for path := range who.logs {
			who.checkLog(path)
		}
	}
}

func newTenant(t *testing.T, ts *testServer, name string, random *rand.Rand) *tenant {
	w := &tenant{t: t, name: name, ts: ts, rand: random, logs: map[string][]string{}, saved: map[string]int{}}
	w.connect()
	return w
}

func (w *tenant) connect() {
	p, welcome := w.ts.greet(w.t, w.name)
	if m, ok := welcome.(*millpond.Welcome); !ok || m.Identity != w.name {
		w.t.Fatalf("%s is welcomed with %+v", w.name, welcome)
	}
	w.peer = p
}

// act does one random thing: mostly to an own stream, often to one of the other's.
func (w *tenant) act() {
	path := []string{"/", "/x", "/x/y", "/z"}[w.rand.IntN(4)]
	if w.rand.IntN(4) == 0 {
		w.trespass(path)
		return
	}
	switch p := w.rand.IntN(100); {
	case p < 35:
		w.append(path, w.overHTTP)
	case p < 70:
		w.append(path, w.overWebsocket)
	case p < 85:
		w.checkLog(path)
	case p < 92:
		w.checkState(path)
	case p < 97:
		w.checkFollow(path)
	case p < 98:
		w.control(path, "kill")
	case p < 99:
		w.control(path, "reset")
	default:
		w.peer.ws.CloseNow()
		w.connect()
	}
}

// append appends one event, whose type and payload name the tenant; now and then with a key that both tenants use.
func (w *tenant) append(path string, send func(path, body string) (int, []millpond.Event)) {
	w.keys++
	typ := fmt.Sprintf("%s/%d", w.name, w.keys)
	key := ""
	if w.rand.IntN(3) == 0 {
		key = fmt.Sprint("shared-", w.rand.IntN(50))
	}
	body := fmt.Sprintf(`{"type":%q,"payload":"secret of %s"`, typ, w.name)
	if key != "" {
		body += fmt.Sprintf(`,"idempotencyKey":%q`, key)
	}
	status, events := send(path, "["+body+"}]")
	if status != 200 || len(events) != 1 {
		w.t.Errorf("%s appends to its own %s: %d %v", w.name, path, status, events)
		return
	}
	want := typ
	if i, ok := w.saved[path+" "+key]; ok && key != "" {
		want = w.logs[path][i]
	} else {
		w.logs[path] = append(w.logs[path], typ)
		w.saved[path+" "+key] = len(w.logs[path]) - 1
	}
	if events[0].Type != want || string(events[0].Payload) != fmt.Sprintf("%q", "secret of "+w.name) {
		w.t.Errorf("%s is answered %s %s, want %s", w.name, events[0].Type, events[0].Payload, want)
	}
}

func (w *tenant) url(kind, namespace, path string) string {
	return "/api/" + kind + "/" + namespace + strings.TrimSuffix(path, "/")
}

func (w *tenant) do(method, url, body string) response {
	return w.ts.do(w.t, method, url, body, "Authorization: Bearer "+w.name)
}

func (w *tenant) overHTTP(path, body string) (int, []millpond.Event) {
	res := w.do("POST", w.url("streams", w.name, path), body)
	if res.StatusCode != 200 {
		return res.StatusCode, nil
	}
	return 200, res.events(w.t)
}

func (w *tenant) overWebsocket(path, body string) (int, []millpond.Event) {
	w.id++
	w.peer.send(&millpond.Append{ID: w.id, Stream: millpond.Name{Namespace: w.name, Path: path}, Events: json.RawMessage(body)})
	switch m := w.next().(type) {
	case *millpond.Appended:
		return 200, m.Events
	case *millpond.ErrorMessage:
		return m.Code.HTTPStatus(), nil
	default:
		w.t.Fatalf("%s received %+v", w.name, m)
		return 0, nil
	}
}

// next is the next message that is no probe.
func (w *tenant) next() any {
	for {
		m := w.peer.next()
		ping, ok := m.(*millpond.Ping)
		if !ok {
			return m
		}
		w.peer.send(&millpond.Pong{Nonce: ping.Nonce})
	}
}

// hears fails the test when the next message is not a T.
func hears[T any](w *tenant) T {
	w.t.Helper()
	got := w.next()
	m, ok := got.(T)
	if !ok {
		w.t.Fatalf("%s received %T %+v, want %T", w.name, got, got, m)
	}
	return m
}

// own are the events that are not the system's; none may be the other's.
func (w *tenant) own(events []millpond.Event) (types []string) {
	for i := range events {
		text := string(events[i].AppendJSON(nil))
		if strings.Contains(text, "secret of "+w.other.name) || strings.Contains(text, `"namespace":"`+w.other.name) {
			w.t.Errorf("%s sees %s", w.name, text)
		}
		if !strings.HasPrefix(events[i].Type, millpond.SystemPrefix) {
			types = append(types, events[i].Type)
		}
	}
	return types
}

// checkLog compares a log, read page by page, with the model.
func (w *tenant) checkLog(path string) {
	var types []string
	for after := uint64(0); ; {
		res := w.do("GET", fmt.Sprintf("%s?limit=1000&after=%d", w.url("streams", w.name, path), after), "")
		if res.StatusCode == 404 {
			break
		}
		if res.StatusCode != 200 {
			w.t.Errorf("%s reads its own %s: %s", w.name, path, res.body)
			return
		}
		events := res.events(w.t)
		if len(events) == 0 {
			break
		}
		types = append(types, w.own(events)...)
		after = events[len(events)-1].Offset
	}
	w.compare(path, types)
}

func (w *tenant) compare(path string, types []string) {
	if got, want := fmt.Sprint(types), fmt.Sprint(w.logs[path]); got != want {
		w.t.Errorf("%s's %s has %s, want %s", w.name, path, got, want)
	}
}

// checkFollow reads a log over the websocket.
func (w *tenant) checkFollow(path string) {
	if len(w.logs[path]) == 0 {
		return // a subscription would create it
	}
	w.id++
	id := uint32(w.id)
	start := uint64(0)
	w.peer.send(&millpond.Subscribe{ID: id, Stream: millpond.Name{Namespace: w.name, Path: path}, After: &start, Credit: 32 << 20, Key: "k"})
	resume := hears[*millpond.Resume](w)
	var types []string
	for last := uint64(0); last < resume.MaxOffset; {
		b := hears[*millpond.Batch](w)
		types = append(types, w.own(records(w.t, b))...)
		last = b.LastOffset
	}
	w.compare(path, types)
	w.peer.send(&millpond.Unsubscribe{ID: id})
	hears[*millpond.Unsubscribed](w)
}

func (w *tenant) checkState(path string) {
	res := w.do("GET", w.url("state", w.name, path), "")
	if strings.Contains(res.body, `"namespace":"`+w.other.name) || strings.Contains(res.body, w.other.name+"/") {
		w.t.Errorf("%s sees the state %s", w.name, res.body)
	}
	if res.StatusCode != 200 && res.StatusCode != 404 {
		w.t.Errorf("%s asks for its own state: %s", w.name, res.body)
	}
}

func (w *tenant) control(path, action string) {
	res := w.do("POST", w.url("control", w.name, path), `{"action":"`+action+`"}`)
	if res.StatusCode != 200 && res.StatusCode != 404 {
		w.t.Errorf("%s of its own %s: %s", action, path, res.body)
	}
	if action == "reset" && res.StatusCode == 200 {
		delete(w.logs, path)
		for key := range w.saved {
			if strings.HasPrefix(key, path+" ") {
				delete(w.saved, key)
			}
		}
	}
}

// trespass tries a random thing on a stream of the other's, by a way that names it. It is forbidden, and has no effect,
// which the other's model shows.
func (w *tenant) trespass(path string) {
	theirs := millpond.Name{Namespace: w.other.name, Path: path}
	event := fmt.Sprintf(`[{"type":"trespass","payload":"secret of %s","idempotencyKey":"shared-1"}]`, w.name)
	tries := []struct{ method, kind, query, body string }{
		{"GET", "streams", "", ""}, {"GET", "streams", "?offset=1", ""}, {"GET", "streams", "?key=shared-1", ""},
		{"GET", "streams", "?live=sse", ""}, {"GET", "state", "", ""}, {"POST", "streams", "", event}, {"POST", "reduce", "", event},
		{"POST", "control", "", `{"action":"kill"}`}, {"POST", "control", "", `{"action":"reset"}`},
		{"POST", "streams", "", `{"type":"stream/paused","payload":{"reason":"trespass"}}`},
	}
	try := tries[w.rand.IntN(len(tries))]
	p := w.do(try.method, w.url(try.kind, theirs.Namespace, path)+try.query, try.body).problem(w.t)
	if p.Code != millpond.Forbidden {
		w.t.Errorf("%s %s%s of %s by %s: %+v", try.method, try.kind, try.query, theirs, w.name, p)
	}
	w.id++
	var message millpond.Message = &millpond.Append{ID: w.id, Stream: theirs, Events: json.RawMessage(event)}
	if w.rand.IntN(2) == 0 {
		start := uint64(0)
		message = &millpond.Subscribe{ID: uint32(w.id), Stream: theirs, After: &start, Credit: 1 << 20, Key: "k"}
	}
	w.peer.send(message)
	if e := hears[*millpond.ErrorMessage](w); e.Code != millpond.Forbidden || e.Request+uint64(e.Subscription) != w.id {
		w.t.Errorf("%s's %T on %s: %+v", w.name, message, theirs, e)
	}
}
