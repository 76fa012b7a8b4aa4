package projection

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// FromProcessor makes a projection of a processor, the same that runs in a server: its state of each stream is a row, written in the
// transaction of the events that have led to it. Only Reduce is called: effects belong to the one host that has the checkpoint, and
// there are many mirrors.
//
// For the slug "tea-stock" projection and table are processor_tea_stock: stream_id, offset (of the last event that it consumed),
// state (JSON).
func FromProcessor(d millpond.Definition) Projection {
	c := d.Contract()
	name := "processor_" + strings.NewReplacer("-", "_", ".", "_").Replace(c.Slug)
	sqlRead := fmt.Sprintf("SELECT state FROM %s WHERE stream_id = ?", name)
	sqlWrite := fmt.Sprintf(`INSERT INTO %s (stream_id, offset, state) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET offset = excluded.offset, state = excluded.state`, name)
	read := func(tx *Tx) (state any, err error) {
		state = d.Zero()
		err = tx.Query(sqlRead, func(row sqlite.Stmt) (err error) {
			state, err = d.Decode(row.ColumnBlob(0))
			return err
		}, tx.StreamID)
		return state, err
	}
	return Projection{
		Name:     name,
		Version:  c.Version,
		Consumes: c.Consumes,
		Schema:   fmt.Sprintf("CREATE TABLE %s (stream_id INTEGER PRIMARY KEY, offset INTEGER NOT NULL, state TEXT NOT NULL) STRICT", name),
		Apply: func(tx *Tx, events []millpond.Event) (err error) {
			kept, known := tx.Memory.(*keptState)
			if !known {
				kept = &keptState{}
				if kept.state, err = read(tx); err != nil {
					return err
				}
			}
			for i := range events {
				e := events[i] // a state may keep it
				kept.state = d.Reduce(kept.state, &e)
			}
			text, err := d.Encode(kept.state)
			if err != nil {
				return err
			}
			tx.Memory = kept
			return tx.Exec(sqlWrite, tx.StreamID, events[len(events)-1].Offset, json.RawMessage(text))
		},
		check: func(*checker) error { return d.Validate() },
	}
}

// keptState is a state of any type, nil among them.
type keptState struct{ state any }
