package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/access"
)

// door lets in whoever has a token, which is its subject, and allows what allow does.
type door struct {
	allow func(who string, do access.Action, name millpond.Name) bool
}

func (d *door) options() Options {
	return Options{
		Authenticate: func(_ context.Context, c access.Credentials) (access.Identity, error) {
			if c.Token == "" || c.Token == "wrong" {
				return access.Identity{}, millpond.Unauthenticated
			}
			return access.Identity{Subject: c.Token}, nil
		},
		Authorize: func(_ context.Context, who access.Identity, do access.Action, name millpond.Name) error {
			if who.Subject == "root" || d.allow != nil && d.allow(who.Subject, do, name) {
				return nil
			}
			return millpond.Forbidden
		},
	}
}

// use is something that a client asks of the server, and the actions that it takes.
type use struct {
	does    string
	actions []access.Action

	method, path, body string           // over HTTP; or
	message            millpond.Message // over the websocket
}

// uses are all that clients can ask of a stream. TestUsesAreAll holds that.
func uses() []use {
	name := millpond.Name{Namespace: "default", Path: "/x"}
	read, append := []access.Action{access.Read}, []access.Action{access.Append}
	configure, control := []access.Action{access.Configure}, []access.Action{access.Control}
	const events = `[{"type":"a"},{"type":"b","payload":1}]`
	const mixed = `[{"type":"a"},{"type":"stream/configured","payload":{}}]`
	list := []use{
		{does: "read", actions: read, method: "GET", path: "/api/streams/default/x"},
		{does: "read an offset", actions: read, method: "GET", path: "/api/streams/default/x?offset=1"},
		{does: "read a key", actions: read, method: "GET", path: "/api/streams/default/x?key=k"},
		{does: "follow", actions: []access.Action{access.Subscribe}, method: "GET", path: "/api/streams/default/x?live=sse"},
		{does: "append", actions: append, method: "POST", path: "/api/streams/default/x", body: events},
		{does: "append and configure", actions: []access.Action{access.Append, access.Configure},
			method: "POST", path: "/api/streams/default/x", body: mixed},
		{does: "state", actions: read, method: "GET", path: "/api/state/default/x"},
		{does: "dry run", actions: read, method: "POST", path: "/api/reduce/default/x", body: events},
		{does: "append to another stream", actions: append, method: "POST", path: "/api/streams/default/other", body: `{"type":"a","stream":"../x"}`},
		{does: "append message to another stream", actions: append, message: &millpond.Append{ID: 7,
			Stream: millpond.Name{Namespace: "default", Path: "/x/y"}, Events: json.RawMessage(`[{"type":"a","stream":".."}]`)}},
		{does: "kill", actions: control, method: "POST", path: "/api/control/default/x", body: `{"action":"kill"}`},
		{does: "reset", actions: control, method: "POST", path: "/api/control/default/x", body: `{"action":"reset"}`},

		{does: "append message", actions: append, message: &millpond.Append{ID: 7, Stream: name, Events: json.RawMessage(events)}},
		{does: "mixed append message", actions: []access.Action{access.Append, access.Configure},
			message: &millpond.Append{ID: 7, Stream: name, Events: json.RawMessage(mixed)}},
		{does: "subscribe message", actions: []access.Action{access.Subscribe}, message: &millpond.Subscribe{ID: 7, Stream: name}},
	}
	for _, event := range []string{
		`{"type":"stream/paused","payload":{"reason":"r"}}`, `{"type":"stream/resumed"}`,
		`{"type":"stream/configured","payload":{}}`, `{"type":"stream/metadata-updated","payload":{}}`,
		`{"type":"stream/subscription-configured","payload":{"key":"k","processor":"echo"}}`,
	} {
		list = slices.Concat(list, []use{
			{does: event, actions: configure, method: "POST", path: "/api/streams/default/x", body: event},
			{does: event + " message", actions: configure, message: &millpond.Append{ID: 7, Stream: name, Events: json.RawMessage("[" + event + "]")}},
		})
	}
	return list
}

// S17: what there is for clients to ask is in the list of uses: each route, each message of the specification, and each type of the
// system's that a client may append. A new one has to be added there, or said here to be open to everybody.
func TestUsesAreAll(t *testing.T) {
	open := []string{"/api", "/api/*", "/api/ws", "/api/openapi.yaml", "/healthz", "/readyz"} // no stream is behind them; the websocket's are its messages
	ts := start(t, Options{})
	for _, route := range ts.server.routes() {
		for method := range route.methods {
			used := slices.ContainsFunc(uses(), func(u use) bool {
				return u.method == method && strings.HasPrefix(u.path, strings.TrimSuffix(route.pattern, "*"))
			})
			if !slices.Contains(open, route.pattern) && !used {
				t.Errorf("%s %s is not among the uses", method, route.pattern)
			}
		}
	}
	for _, eventType := range surface.types {
		if !slices.ContainsFunc(uses(), func(u use) bool { return strings.Contains(u.body, `"type":"`+eventType+`"`) }) {
			t.Errorf("an append of %s is not among the uses", eventType)
		}
	}
	harmless := []string{"hello", "unsubscribe", "credit", "ping", "pong"} // of the own connection
	doc, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, row := range regexp.MustCompile(`(?m)^\| (?:client|both) \| ([^|]*)`).FindAllString(string(doc), -1) {
		rows = append(rows, regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row, -1)...)
	}
	if len(rows) < len(harmless)+2 {
		t.Fatalf("only %d messages found in the specification", len(rows))
	}
	for _, row := range rows {
		used := slices.ContainsFunc(uses(), func(u use) bool {
			return u.message != nil && strings.HasPrefix(string(millpond.MarshalMessage(u.message)), `{"type":"`+row[1]+`"`)
		})
		if !slices.Contains(harmless, row[1]) && !used {
			t.Errorf("the message %s is not among the uses", row[1])
		}
	}
}

// outcome does what the use is with the token, and returns the code that it is refused with.
func (u use) outcome(t *testing.T, ts *testServer, token string) millpond.ErrorCode {
	t.Helper()
	if u.message == nil {
		var headers []string
		if token != "" {
			headers = []string{"Authorization: Bearer " + token}
		}
		if strings.Contains(u.path, "live=sse") {
			return u.outcomeOfFollow(t, ts, headers)
		}
		res := ts.do(t, u.method, u.path, u.body, headers...)
		if res.StatusCode < 400 {
			return ""
		}
		p := res.problem(t)
		if p.Status != p.Code.HTTPStatus() || (p.Status == 401) != (res.Header.Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("%s: %+v %v", u.does, p, res.Header)
		}
		return p.Code
	}
	p, _, err := ts.dial(t, millpond.Subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	defer p.ws.CloseNow()
	p.send(&millpond.Hello{Client: "test", Token: token})
	p.send(u.message)
	for {
		switch m := p.next().(type) {
		case *millpond.Welcome:
			if m.Identity != token {
				t.Errorf("welcomed as %q, not %q", m.Identity, token)
			}
		case *millpond.ErrorMessage:
			if m.Request == 0 && m.Subscription == 0 {
				p.closed(websocket.StatusCode(m.Code.CloseCode()))
			} else if m.Request+uint64(m.Subscription) != 7 {
				t.Errorf("%s: an error of %+v", u.does, m)
			}
			return m.Code
		case *millpond.Appended, *millpond.Resume:
			return ""
		case error:
			t.Fatalf("%s: %v", u.does, m)
		}
	}
}

// outcomeOfFollow is outcome for an answer that does not end.
func (u use) outcomeOfFollow(t *testing.T, ts *testServer, headers []string) millpond.ErrorCode {
	t.Helper()
	res := ts.open(t, u.method, u.path, u.body, headers...)
	defer res.Body.Close()
	if res.StatusCode < 400 {
		return ""
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{res, string(text)}.problem(t).Code
}

// Each use is refused to who shows no token, or a wrong one, and to who may do nothing; and nothing comes of it.
func TestEverythingIsRefused(t *testing.T) {
	ts := start(t, withEcho((&door{}).options()))
	key := `{"type":"a","idempotencyKey":"k"}`
	if res := ts.do(t, "POST", "/api/streams/default/x", key, "Authorization: Bearer root"); res.StatusCode != 200 {
		t.Fatal(res.body)
	}
	for _, u := range uses() {
		for token, want := range map[string]millpond.ErrorCode{
			"": millpond.Unauthenticated, "wrong": millpond.Unauthenticated, "nobody": millpond.Forbidden,
		} {
			if got := u.outcome(t, ts, token); got != want {
				t.Errorf("%s with the token %q: %q, want %q", u.does, token, got, want)
			}
		}
	}
	res := ts.do(t, "GET", "/api/streams/default/x", "", "Authorization: Bearer root")
	if events := res.events(t); len(events) != 3 {
		t.Errorf("something was appended: %s", res.body)
	}
}

// Each use takes its own actions, and no others.
func TestEachActionIsItsOwn(t *testing.T) {
	for _, allowed := range access.Actions() {
		t.Run(string(allowed), func(t *testing.T) {
			d := &door{allow: func(_ string, do access.Action, _ millpond.Name) bool { return do == allowed }}
			ts := start(t, withEcho(d.options()))
			ts.do(t, "POST", "/api/streams/default/x", `{"type":"a","idempotencyKey":"k"}`, "Authorization: Bearer root")
			for _, u := range uses() {
				want := millpond.Forbidden
				if len(u.actions) == 1 && u.actions[0] == allowed {
					want = ""
				}
				if got := u.outcome(t, ts, "someone"); got != want {
					t.Errorf("%s: %q, want %q", u.does, got, want)
				}
				if allowed == access.Configure { // and has perhaps paused it
					ts.do(t, "POST", "/api/streams/default/x", `{"type":"stream/resumed"}`, "Authorization: Bearer root")
				}
			}
		})
	}
}

// Whether a stream exists is not told to who may not read it.
func TestForbiddenTellsNothing(t *testing.T) {
	ts := start(t, (&door{}).options())
	ts.do(t, "POST", "/api/streams/default/x", `{"type":"a"}`, "Authorization: Bearer root")
	for _, u := range uses() {
		if u.message != nil {
			continue
		}
		var answers []problem
		for _, path := range []string{"/x", "/y"} {
			p := ts.do(t, u.method, strings.Replace(u.path, "/x", path, 1), strings.Replace(u.body, "../x", ".."+path, 1),
				"Authorization: Bearer nobody").problem(t)
			p.Detail, p.RequestID = strings.TrimSuffix(p.Detail, path), ""
			answers = append(answers, p)
		}
		if answers[0] != answers[1] {
			t.Errorf("%s: %+v", u.does, answers)
		}
	}
}

// Who may subscribe and not append creates nothing by it.
func TestSubscribeCreatesOnlyForAppenders(t *testing.T) {
	d := &door{allow: func(_ string, do access.Action, _ millpond.Name) bool { return do == access.Subscribe }}
	ts := start(t, d.options())
	subscribe := use{message: &millpond.Subscribe{ID: 7, Stream: millpond.Name{Namespace: "default", Path: "/new"}}}
	if got := subscribe.outcome(t, ts, "reader"); got != millpond.NotFound {
		t.Errorf("a subscription of a reader: %q", got)
	}
	if got := subscribe.outcome(t, ts, "root"); got != "" {
		t.Errorf("a subscription of one who may append: %q", got)
	}
	if got := subscribe.outcome(t, ts, "reader"); got != "" {
		t.Errorf("a subscription of a reader to what exists: %q", got)
	}
}

// Only the strongest place that has a token counts, and a URL is none.
func TestWhereTokensAre(t *testing.T) {
	d := &door{allow: func(who string, _ access.Action, _ millpond.Name) bool { return who == "good" }}
	opts := d.options()
	opts.Cookie = "token"
	ts := start(t, opts)
	ts.do(t, "POST", "/api/streams/default/x", `{"type":"a"}`, "Authorization: Bearer root")
	for _, test := range []struct {
		query   string
		headers []string
		want    int
	}{
		{"", []string{"Authorization: Bearer good"}, 200},
		{"", []string{"Authorization: bearer good"}, 200},
		{"", []string{"Authorization: Basic good"}, 401},
		{"", []string{"Authorization: Bearer"}, 401},
		{"", []string{"Authorization: Bearer "}, 401},
		{"", []string{"Cookie: token=good"}, 200},
		{"", []string{"Cookie: token="}, 401},
		{"", []string{"Cookie: token=good; token=good"}, 401},
		{"", []string{"Cookie: Token=good"}, 401},
		{"", []string{"Authorization: Bearer good", "Cookie: token=wrong"}, 200},
		{"", []string{"Authorization: Bearer wrong", "Cookie: token=good"}, 401},
		{"", []string{"Authorization: Basic x", "Cookie: token=good"}, 200},
		{"?token=good", nil, 401},
		{"?access_token=good", nil, 401},
	} {
		if res := ts.do(t, "GET", "/api/streams/default/x"+test.query, "", test.headers...); res.StatusCode != test.want {
			t.Errorf("%s %v: %s", test.query, test.headers, res.Status)
		}
	}
	big := "Authorization: Bearer " + strings.Repeat("x", access.MaxTokenBytes+1)
	if res := ts.do(t, "GET", "/api/streams/default/x", "", big); res.StatusCode != 401 {
		t.Errorf("a token over its limit: %s", res.Status)
	}
}

// A websocket is let in by the token of its hello, or else by the header or cookie of its handshake.
func TestWebsocketCredentials(t *testing.T) {
	opts := (&door{}).options()
	opts.Cookie = "token"
	ts := start(t, opts)
	origin := "Origin: " + ts.URL
	for _, test := range []struct {
		headers []string
		hello   string
		want    string // identity, or the code of the refusal
	}{
		{nil, "a", "a"},
		{nil, "", "unauthenticated"},
		{[]string{"Authorization: Bearer b"}, "", "b"},
		{[]string{"Authorization: Bearer b"}, "a", "a"},
		{[]string{"Authorization: Bearer b"}, "wrong", "unauthenticated"},
		{[]string{"Cookie: token=c", origin}, "", "c"},
		{[]string{"Cookie: token=c", origin}, "a", "a"},
		{[]string{"Cookie: token=c"}, "", "forbidden"},
		{[]string{"Cookie: token=c"}, "a", "a"},
	} {
		p, _, err := ts.dial(t, millpond.Subprotocol, test.headers...)
		if err != nil {
			t.Fatal(err)
		}
		p.send(&millpond.Hello{Client: "test", Token: test.hello})
		got := ""
		switch m := p.next().(type) {
		case *millpond.Welcome:
			got = m.Identity
		case *millpond.ErrorMessage:
			got = string(m.Code)
			p.closed(websocket.StatusCode(m.Code.CloseCode()))
		}
		if got != test.want {
			t.Errorf("%v with hello %q: %s, want %s", test.headers, test.hello, got, test.want)
		}
		p.ws.CloseNow()
	}
}

// A page of another site cannot use the cookie of its visitor.
func TestCookieNeedsOrigin(t *testing.T) {
	d := &door{allow: func(string, access.Action, millpond.Name) bool { return true }}
	opts := d.options()
	opts.Cookie = "token"
	opts.AllowedOrigins = []string{"https://app.example.com"}
	ts := start(t, opts)
	for _, test := range []struct {
		method  string
		headers []string
		want    int
	}{
		{"POST", []string{"Origin: " + ts.URL}, 200},
		{"POST", []string{"Origin: https://app.example.com"}, 200},
		{"POST", []string{"Sec-Fetch-Site: same-origin"}, 200},
		{"POST", nil, 403}, // an old browser's form
		{"POST", []string{"Sec-Fetch-Site: same-site"}, 403},
		{"POST", []string{"Sec-Fetch-Site: none"}, 403},
		{"POST", []string{"Origin: https://evil.example"}, 403},
		{"POST", []string{"Origin: null"}, 403},
		{"GET", nil, 200},
		{"GET", []string{"Origin: https://evil.example"}, 403},
		{"GET", []string{"Sec-Fetch-Site: cross-site"}, 403},
	} {
		res := ts.do(t, test.method, "/api/streams/default/x", `{"type":"a"}`, append(test.headers, "Cookie: token=me")...)
		if test.method == "GET" {
			res = ts.do(t, "GET", "/api/streams/default/x", "", append(test.headers, "Cookie: token=me")...)
		}
		if res.StatusCode != test.want {
			t.Errorf("%s %v: %s %s", test.method, test.headers, res.Status, res.body)
		}
	}
	res := ts.do(t, "GET", "/api/streams/default/x", "", "Origin: https://app.example.com", "Cookie: token=me")
	if res.Header.Get("Access-Control-Allow-Credentials") != "true" || res.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Errorf("an allowed page cannot read: %v", res.Header)
	}
}

// What an Authenticate or Authorize function fails with is told when it is meant to be, and not otherwise.
func TestFailingHooks(t *testing.T) {
	secret := fmt.Errorf("password hunter2 at db.internal:5432")
	for _, test := range []struct {
		err  error
		want int
	}{
		{millpond.Unauthenticated, 401},
		{fmt.Errorf("%w: %w", millpond.Unauthenticated, secret), 401},
		{millpond.Forbidden, 403},
		{fmt.Errorf("%w: %w", secret, millpond.Unavailable), 503},
		{fmt.Errorf("%w: %w", secret, &millpond.Error{Code: millpond.RateLimited, Message: "wait"}), 429},
		{secret, 500},
		{context.DeadlineExceeded, 500},
	} {
		authenticate := func(context.Context, access.Credentials) (access.Identity, error) { return access.Identity{}, test.err }
		authorize := func(context.Context, access.Identity, access.Action, millpond.Name) error { return test.err }
		for _, opts := range []Options{{Authenticate: authenticate}, {Authorize: authorize}} {
			ts := start(t, opts)
			for _, u := range uses() {
				if u.message != nil {
					if got := u.outcome(t, ts, ""); got.HTTPStatus() != test.want {
						t.Errorf("%s, %v: %s", u.does, test.err, got)
					}
					continue
				}
				res := ts.do(t, u.method, u.path, u.body)
				if res.StatusCode != test.want || strings.Contains(res.body, "hunter2") {
					t.Errorf("%s, %v: %s %s", u.does, test.err, res.Status, res.body)
				}
			}
			ts.close(t)
			if !strings.Contains(ts.logged.String(), "hunter2") && test.want == http.StatusInternalServerError && test.err == secret {
				t.Errorf("the log does not say %v", test.err)
			}
		}
	}
}

// Who may append and not read learns nothing of others' events by guessing their idempotency keys.
func TestAppendersDoNotReadByKey(t *testing.T) {
	d := &door{allow: func(who string, do access.Action, _ millpond.Name) bool {
		return do == access.Append || who == "reader" && do == access.Read
	}}
	ts := start(t, d.options())
	post := func(who, body string) millpond.Event {
		t.Helper()
		res := ts.do(t, "POST", "/api/streams/default/x", body, "Authorization: Bearer "+who)
		if res.StatusCode != 200 {
			t.Fatal(res.body)
		}
		return res.events(t)[0]
	}
	const original = `{"type":"vote","payload":{"for":"me"},"metadata":{"ip":"secret"},"source":{"processor":{"slug":"p","version":"1"}},"idempotencyKey":"k"}`
	first := post("writer", original)
	if same := post("writer", original); string(same.Payload) != `{"for":"me"}` || same.Offset != first.Offset {
		t.Errorf("a repeat is not answered with what was sent: %+v", same)
	}
	for _, guess := range []string{`{"type":"x","idempotencyKey":"k"}`, `{"type":"vote","payload":{"for":"me"},"idempotencyKey":"k"}`,
		strings.Replace(original, "secret", "guess", 1), strings.Replace(original, `"slug":"p"`, `"slug":"q"`, 1),
		strings.Replace(original, `"for":"me"`, `"for":"you"`, 1), strings.Replace(original, `"vote"`, `"veto"`, 1)} {
		got := post("writer", guess)
		if got.Offset != first.Offset || got.Metadata != nil || got.Source != nil || got.Payload != nil {
			t.Errorf("%s is told %+v", guess, got)
		}
		if got := post("reader", guess); string(got.Metadata) != `{"ip":"secret"}` || got.Type != "vote" {
			t.Errorf("who may read is told %+v", got)
		}
	}
}

// S8: a subscription takes the place of one with the same key of the same identity, and of nobody else's.
func TestKeysAreOfTheirIdentity(t *testing.T) {
	ts := start(t, (&door{allow: func(string, access.Action, millpond.Name) bool { return true }}).options())
	follow := func(who string) *peer {
		p, _, err := ts.dial(t, millpond.Subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		p.send(&millpond.Hello{Client: "test", Token: who})
		receive[*millpond.Welcome](p)
		p.send(&millpond.Subscribe{ID: 1, Stream: millpond.Name{Namespace: "default", Path: "/x"}, Key: "k", Credit: 1 << 20})
		receive[*millpond.Resume](p) // of what is new: nothing comes
		return p
	}
	alice, bob := follow("alice"), follow("bob")
	follow("alice")
	if end := receive[*millpond.Unsubscribed](alice); end.Reason != millpond.EndReplaced {
		t.Errorf("%+v", end)
	}
	bob.send(&millpond.Ping{Nonce: 1})
	receive[*millpond.Pong](bob) // and nothing before it
}
