package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"syscall/js"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/query"
)

// These run in Node: GOOS=js GOARCH=wasm go test -exec "$PWD/mirror/opfs/node.mjs" ./mirror

// Messages arrive while Go computes, because yield lets them.
func TestYieldLetsMessagesIn(t *testing.T) {
	arrived := false
	callback := js.FuncOf(func(js.Value, []js.Value) any { arrived = true; return nil })
	defer callback.Release()
	channel := js.Global().Get("MessageChannel").New()
	channel.Get("port2").Set("onmessage", callback)
	channel.Get("port1").Call("postMessage", 1)
	for i := 0; !arrived; i++ {
		if i == 5000 { // Node delivers up to a thousand messages of one port before it looks at another
			t.Fatal("no message arrives")
		}
		yield()
	}
	channel.Get("port1").Call("close")
}

// B16: without OPFS the mirror works in memory, and says so.
func TestMemoryWithoutOPFS(t *testing.T) {
	m, err := Open(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Status().Storage == StorageOPFS {
		t.Skip("this browser has OPFS")
	}
	if s := m.Status(); s.Storage != StorageMemory || s.StorageError.Code != CodeStorageUnavailable || !strings.Contains(s.StorageError.Message, "memory only") {
		t.Errorf("status %+v", s)
	}
	results := make(chan *query.Result, 1)
	defer m.Live("SELECT count(*) FROM events", nil, func(r *query.Result, err error) { results <- r })()
	if text, err := json.Marshal(<-results); err != nil || string(text) != `{"columns":["count(*)"],"rows":[[0]]}` {
		t.Errorf("got %s, %v", text, err)
	}
	if _, err := m.Stream(millpond.Name{Namespace: "default", Path: "/pond"}); err != nil {
		t.Error(err)
	}
}

// A query hands control back between its rows: what cancels it can come.
func TestCancelReachesARunningQuery(t *testing.T) {
	m, err := Open(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx, cancel := context.WithCancel(t.Context())
	callback := js.FuncOf(func(js.Value, []js.Value) any { cancel(); return nil })
	defer callback.Release()
	js.Global().Call("queueMicrotask", callback) // comes only when Go has handed control back; Node starves timers meanwhile
	_, err = m.Query(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n")
	if !errors.Is(err, context.Canceled) { // else it ends with too many rows
		t.Error(err)
	}
}
