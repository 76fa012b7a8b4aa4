package projection_test

import (
	"encoding/json"
	"testing"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/projection/projectiontest"
)

// What a page declares is read from JSON: texts by themselves or in arrays; "*" runs first, and all parameters have their values.
func TestSQLFromJSON(t *testing.T) {
	var declared []projection.SQL
	err := json.Unmarshal([]byte(`[{
		"name": "seen", "schema": "CREATE TABLE seen (stream_id INTEGER, n INTEGER, row TEXT)",
		"on": {
			"*": "INSERT INTO seen VALUES (:stream_id, 0, :type)",
			"frog": ["INSERT INTO seen VALUES (:stream_id, 1, json_array(:offset, :local_index, :type, :created_at, :idempotency_key, :source_slug, :source_version, :metadata ->> 'a', :payload ->> '$.b.c', :payload -> 'b'))",
				"INSERT INTO seen VALUES (:stream_id, 2, :payload ->> 'nothing')"]
		}
	}]`), &declared)
	if err != nil {
		t.Fatal(err)
	}
	m := projectiontest.Fold(t, declared[0].Projection(),
		millpond.Event{Type: "newt"},
		millpond.Event{Type: "frog", IdempotencyKey: "k", Metadata: json.RawMessage(`{"a":7}`), Payload: json.RawMessage(`{"b": {"c": "d"}}`),
			Source: &millpond.Source{Processor: millpond.ProcessorID{Slug: "s", Version: "v"}}},
	)
	want := `0|newt
0|frog
1|[2,1,"frog",1767323045000002,"k","s","v",7,"d",{"c":"d"}]
2|
`
	if got := m.Rows("SELECT n, row FROM seen ORDER BY rowid"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if err := json.Unmarshal([]byte(`[{"name": "x", "schema": 7}]`), &declared); err == nil {
		t.Error("a schema that is a number is read")
	}
}
