//go:build !js

package replica_test

import (
	"encoding/json"
	"fmt"
	"time"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/replica"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// A batch, as a server sends it, becomes rows and a position.
func Example() {
	conn, err := sqlite.Open(sqlite.Memory, sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	r, err := replica.Open(conn, replica.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()

	event := millpond.Event{Offset: 1, Type: "said", Payload: json.RawMessage(`{"text":"hello"}`), CreatedAt: time.Unix(0, 0)}
	record := millpond.AppendRecord(nil, &event)
	batch := millpond.Batch{
		LastOffset: 1,
		MaxOffset:  1,
		Hash:       millpond.Hash(0).Next(record),
		Records:    millpond.AppendFramedRecord(nil, record),
	}
	name := millpond.Name{Namespace: "default", Path: "/chat"}
	position, err := r.Apply(name, "2026-01-01T00:00:00.000000000Z", &batch)
	fmt.Println(position.Offset, position.Hash, err)

	stmt, _, err := conn.Prepare("SELECT path, created_at, payload ->> '$.text' FROM log")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stmt.Close()
	for stmt.Step() {
		fmt.Println(stmt.ColumnText(0), stmt.ColumnText(1), stmt.ColumnText(2))
	}
	// Output:
	// 1 322af14493d78d88 <nil>
	// /chat 1970-01-01T00:00:00.000Z hello
}
