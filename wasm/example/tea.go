package main

import (
	"encoding/json"
	"fmt"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// teaProjection keeps how much of each kind of tea is left, and when there was the least.
func teaProjection() projection.Projection {
	return projection.Projection{
		Name:     "tea",
		Version:  "1",
		Consumes: []string{"tea/bought", "tea/drunk"},
		Schema: `CREATE TABLE tea (
			stream_id INTEGER NOT NULL,
			kind      TEXT NOT NULL,
			grams     INTEGER NOT NULL,
			least     INTEGER NOT NULL,
			least_at  INTEGER NOT NULL, -- offset
			PRIMARY KEY (stream_id, kind)
		) STRICT, WITHOUT ROWID`,
		Apply: foldTea,
	}
}

func foldTea(tx *projection.Tx, events []millpond.Event) error {
	for i := range events {
		e := &events[i]
		var tea struct {
			Kind  string
			Grams int64
		}
		if err := json.Unmarshal(e.Payload, &tea); err != nil {
			return fmt.Errorf("the payload: %w", err)
		}
		if e.Type == "tea/drunk" {
			tea.Grams = -tea.Grams
		}
		var grams, least, leastAt int64
		known := false
		err := tx.Query("SELECT grams, least, least_at FROM tea WHERE stream_id = ? AND kind = ?", func(row sqlite.Stmt) error {
			grams, least, leastAt, known = row.ColumnInt64(0), row.ColumnInt64(1), row.ColumnInt64(2), true
			return nil
		}, tx.StreamID, tea.Kind)
		if err != nil {
			return err
		}
		if grams += tea.Grams; grams < least || !known {
			least, leastAt = grams, int64(e.Offset)
		}
		if err := tx.Exec("INSERT OR REPLACE INTO tea VALUES (?, ?, ?, ?, ?)", tx.StreamID, tea.Kind, grams, least, leastAt); err != nil {
			return err
		}
	}
	return nil
}
