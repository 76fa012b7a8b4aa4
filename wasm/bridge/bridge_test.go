package bridge

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
	"github.com/millpond-dev/millpond/mirror/query"
)

var streamA = millpond.Name{Namespace: "default", Path: "/a"}

// bridgeTest runs a test of a bridge in a bubble of its own: synctest.Wait lets it finish all that needs no time, and
// the end of the bubble proves that it leaves no goroutine behind.
func bridgeTest(t *testing.T, test func(t *testing.T, b *Bridge, m *fakeMirror, out *outbox)) {
	synctest.Test(t, func(t *testing.T) {
		m, out := newFakeMirror(), new(outbox)
		b := New(m, out.options())
		synctest.Wait()
		out.take(t, "") // the status
		test(t, b, m, out)
		b.Close()
		if len(out.fatals) > 0 {
			t.Errorf("fatal: %s", out.fatals)
		}
	})
}

func TestQuery(t *testing.T) {
	bridgeTest(t, func(t *testing.T, b *Bridge, m *fakeMirror, out *outbox) {
		m.query = func(_ context.Context, sql string, params []any) (*query.Result, error) {
			return &query.Result{Columns: []string{"sql"}, Rows: [][]any{append([]any{sql}, params...)}}, nil
		}
		b.Request("tab", `{"id":1,"method":"query","params":{"sql":"S","params":[1,-2.5,1e3,"x",null,true,{"$int":"9007199254740993"},{"$blob":"AP8="}]}}`)
		synctest.Wait()
		out.want(t, "tab", `{"id":1,"result":{"columns":["sql"],"rows":[["S",1,-2.5,1000,"x",null,null,{"$int":"9007199254740993"},{"$blob":"AP8="}]]}}`)
	})
}

// A query ends when its tab cancels it, and is not answered; others go on.
func TestCancel(t *testing.T) {
	bridgeTest(t, func(t *testing.T, b *Bridge, m *fakeMirror, out *outbox) {
		goOn, ended := make(chan struct{}), 0
		m.query = func(ctx context.Context, sql string, _ []any) (*query.Result, error) {
			select {
			case <-ctx.Done():
				ended++
				return nil, ctx.Err()
			case <-goOn:
				return &query.Result{}, nil
			}
		}
		for id := range 3 {
			b.Request("tab", fmt.Sprintf(`{"id":%d,"method":"query","params":{"sql":"S"}}`, id+1))
		}
		for range 2 { // the second comes too late
			b.Request("tab", `{"method":"cancel","params":{"call":2}}`)
			synctest.Wait()
		}
		if ended != 1 {
			t.Errorf("%d queries have ended", ended)
		}
		b.Request("other tab", `{"method":"cancel","params":{"call":1}}`) // has no such call
		close(goOn)
		synctest.Wait()
		got := out.take(t, "tab")
		slices.Sort(got)
		if len(got) != 2 || !strings.HasPrefix(got[0], `{"id":1,`) || !strings.HasPrefix(got[1], `{"id":3,`) {
			t.Errorf("answered %q", got)
		}
	})
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, request, want string }{
		{"method", `"method":"drop"`, `"code":"invalid_request","message":"\"drop\" is not a method","field":"method"`},
		{"params", `"method":"query","params":7`, `"field":"params"`},
		{"array", `"method":"query","params":{"sql":"","params":[1,[]]}`, `"field":"params[1]"`},
		{"object", `"method":"query","params":{"sql":"","params":[{"$date":1}]}`, `"field":"params[0]"`},
		{"both", `"method":"query","params":{"sql":"","params":[{"$int":"1","$blob":""}]}`, `"field":"params[0]"`},
		{"int", `"method":"query","params":{"sql":"","params":[{"$int":"1.5"}]}`, `"field":"params[0]"`},
		{"closed stream", `"method":"append","params":{"namespace":"default","path":"/a","events":{"type":"x"}}`, `open it first`},
		{"event", `"method":"append","params":{"namespace":"default","path":"/a","events":[{"type":"x"},{}]}`, `"code":"invalid_event","message":"is required","field":"[1].type"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			bridgeTest(t, func(t *testing.T, b *Bridge, _ *fakeMirror, out *outbox) {
				b.Request("tab", `{"id":7,`+c.request+`}`)
				synctest.Wait()
				got := out.take(t, "tab")
				if len(got) != 1 || !strings.HasPrefix(got[0], `{"id":7,"error":{`) || !strings.Contains(got[0], c.want) {
					t.Errorf("answered %q, want an error with %s", got, c.want)
				}
			})
		})
	}
}

func TestErrorCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want millpond.ErrorCode
	}{
		{&millpond.Error{Code: millpond.OffsetConflict}, millpond.OffsetConflict},
		{fmt.Errorf("run: %w", query.ErrNotReadOnly), InvalidSQL},
		{query.ErrTooLarge, TooLarge},
		{query.ErrTooSlow, TooSlow},
		{context.DeadlineExceeded, millpond.Unavailable},
		{fmt.Errorf("else"), millpond.Internal},
	} {
		if got := codeOf(c.err); got != c.want {
			t.Errorf("%v has the code %s, want %s", c.err, got, c.want)
		}
	}
}

// Appends of one tab to one stream are kept in order, none waits for the server's answer to another, and the stream stays open
// until they are answered.
func TestAppendsKeepTheirOrder(t *testing.T) {
	bridgeTest(t, func(t *testing.T, b *Bridge, m *fakeMirror, out *outbox) {
		m.append = func(_ context.Context, inputs []millpond.Input) ([]millpond.Event, error) {
			if inputs[0].Type == "e0" {
				time.Sleep(time.Second)
			}
			if m.opened(streamA) != 1 {
				t.Error("the stream is closed while an append runs")
			}
			return nil, nil
		}
		b.Request("tab", `{"method":"open","params":{"namespace":"default","path":"/a"}}`)
		for i := range 3 {
			b.Request("tab", fmt.Sprintf(`{"id":%d,"method":"append","params":{"namespace":"default","path":"/a","events":{"type":"e%d"}}}`, i+1, i))
		}
		b.Request("tab", `{"method":"close","params":{"namespace":"default","path":"/a"}}`)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := strings.Join(m.kept, " "); got != "e0 e1 e2" {
			t.Errorf("appended %s", got)
		}
		if m.opened(streamA) != 0 {
			t.Error("the stream is still open")
		}
		out.want(t, "tab", `{"id":2,"result":[]}`, `{"id":3,"result":[]}`, `{"id":1,"result":[]}`)
	})
}

// B13: streams are counted by tab; opening twice is opening once.
func TestStreamsEndWithTheirTab(t *testing.T) {
	bridgeTest(t, func(t *testing.T, b *Bridge, m *fakeMirror, _ *outbox) {
		const open = `{"method":"open","params":{"namespace":"default","path":"/a"}}`
		for _, tab := range []string{"one", "two", "two"} {
			b.Request(tab, open)
		}
		synctest.Wait()
		if n := m.opened(streamA); n != 2 {
			t.Errorf("opened %d times, want once for each tab", n)
		}
		b.Leave("one")
		b.Leave("nobody")
		synctest.Wait()
		if n := m.opened(streamA); n != 1 {
			t.Errorf("open %d times after one tab has left, want 1", n)
		}
	})
}

// B6: only what differs leaves the worker.
func TestLive(t *testing.T) {
	bridgeTest(t, func(t *testing.T, b *Bridge, m *fakeMirror, out *outbox) {
		b.Request("tab", `{"method":"live","params":{"live":4,"sql":"S"}}`)
		b.Request("tab", `{"method":"live","params":{"live":4,"sql":"S"}}`)
		synctest.Wait()
		fn := m.lives["S"]
		one, two := [][]any{{int64(1)}}, [][]any{{int64(1)}, {"two"}}
		fn(&query.Result{Columns: []string{"n"}, Rows: one}, nil)
		fn(&query.Result{Columns: []string{"n"}, Rows: two}, nil)
		fn(nil, query.ErrStatements)
		fn(&query.Result{Columns: []string{"n"}, Rows: two}, nil)
		fn(&query.Result{Columns: []string{"m"}, Rows: two}, nil)
		out.want(t, "tab", `{"live":4,"revision":1,"result":{"columns":["n"],"rows":[[1]]}}`,
			`{"live":4,"revision":2,"patch":[[0,1],{"rows":[["two"]]}]}`,
			`{"live":4,"revision":3,"error":{"code":"invalid_sql","message":"a query is one statement"}}`,
			`{"live":4,"revision":4,"result":{"columns":["n"],"rows":[[1],["two"]]}}`, // a tab has none to patch after an error
			`{"live":4,"revision":5,"result":{"columns":["m"],"rows":[[1],["two"]]}}`)
		b.Leave("tab")
		synctest.Wait()
		if len(m.lives) != 0 {
			t.Error("the live query has outlived its tab")
		}
		fn(nil, query.ErrStatements) // was on its way
		out.want(t, "tab")
	})
}

func TestStatus(t *testing.T) {
	bridgeTest(t, func(t *testing.T, b *Bridge, m *fakeMirror, out *outbox) {
		m.status(mirror.Status{Epoch: 5})
		if got := out.take(t, ""); len(got) != 1 || !strings.Contains(got[0], `"epoch":5`) {
			t.Errorf("all tabs were sent %q", got)
		}
		b.Request("tab", `{"method":"hello"}`)
		synctest.Wait()
		if got := out.take(t, "tab"); len(got) != 1 || !strings.HasPrefix(got[0], `{"status":{"connection":"connected"`) {
			t.Errorf("a new tab was sent %q", got)
		}
	})
}

// A panic is reported, and so is a note that cannot be served: neither is silence.
func TestFatal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, out := newFakeMirror(), new(outbox)
		m.query = func(context.Context, string, []any) (*query.Result, error) { panic("told to") }
		b := New(m, out.options())
		b.Request("tab", `{"id":1,"method":"query","params":{"sql":"S"}}`)
		b.Request("tab", `{"method":"opne"}`)
		synctest.Wait()
		b.Close()
		if len(out.fatals) != 2 || !strings.Contains(out.fatals[0]+out.fatals[1], "panic: told to") {
			t.Errorf("reported %q", out.fatals)
		}
	})
}

func TestRetryProjection(t *testing.T) {
	bridgeTest(t, func(t *testing.T, b *Bridge, m *fakeMirror, out *outbox) {
		b.Request("tab", `{"id":1,"method":"retryProjection","params":{"name":"todo"}}`)
		synctest.Wait()
		out.want(t, "tab", `{"id":1,"result":null}`)
		b.Request("tab", `{"id":2,"method":"retryProjection","params":{"name":"other"}}`)
		synctest.Wait()
		out.want(t, "tab", `{"id":2,"error":{"code":"not_found","message":"no such projection: \"other\""}}`)
	})
}

// B15: a query and a live query can ask for the view with what is pending.
func TestViews(t *testing.T) {
	bridgeTest(t, func(t *testing.T, b *Bridge, m *fakeMirror, out *outbox) {
		m.query = func(_ context.Context, sql string, _ []any) (*query.Result, error) {
			return &query.Result{Columns: []string{sql}}, nil
		}
		for i, c := range []struct{ view, want string }{
			{`"confirmed"`, `"result":{"columns":["S"],"rows":[]}}`},
			{`"optimistic"`, `"result":{"columns":["optimistic S"],"rows":[]}}`},
			{`"rosy"`, `"error":{"code":"invalid_request","message":"must be \"confirmed\" or \"optimistic\"","field":"view"}}`},
		} {
			b.Request("tab", fmt.Sprintf(`{"id":%d,"method":"query","params":{"sql":"S","view":%s}}`, i+1, c.view))
			synctest.Wait()
			out.want(t, "tab", fmt.Sprintf(`{"id":%d,%s`, i+1, c.want))
		}
		b.Request("tab", `{"method":"live","params":{"live":1,"sql":"L","view":"optimistic"}}`)
		synctest.Wait()
		if m.lives["optimistic L"] == nil {
			t.Error("the live query is not one of the optimistic view")
		}
	})
}
