//go:build !js

package mirror_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
	"github.com/millpond-dev/millpond/mirror/query"
)

// A program that keeps a copy of a stream in a file, appends to it, and reacts to what comes. It works without a server, too: what it
// appends is sent when there is one. Start one with: millpond serve
func Example() {
	ctx := context.Background()
	m, err := mirror.Open(ctx, mirror.Options{URL: "http://127.0.0.1:8080", Path: "shop.db"})
	if err != nil {
		log.Fatal(err) // another program has the file open, or it is not a mirror's
	}
	defer m.Close()
	orders, err := m.Stream(millpond.Name{Namespace: "default", Path: "/orders"})
	if err != nil {
		log.Fatal(err)
	}

	const open = `SELECT payload ->> 'item', count(*) FROM events WHERE type = 'order/placed' GROUP BY 1`
	stop := m.Live(open, nil, func(r *query.Result, err error) {
		if err == nil {
			fmt.Println(r.Rows)
		}
	})
	defer stop()

	appended, err := orders.Append(ctx, millpond.Input{Type: "order/placed", Payload: json.RawMessage(`{"item": "tea"}`)})
	if err != nil {
		log.Fatal(err) // there is no room for it, say: nothing is kept
	}
	// It is durable in the file now. Whether the server has it:
	if _, err := appended.Wait(ctx); err != nil {
		log.Print(err) // it refuses it, or there is none yet: it is sent when there is
	}
}
