// Package feed is the event feed of a mirror: a projection in which consecutive events of one type are one row, so that a list of
// millions of events is a list of what happened.
//
// # Schema
//
//	feed  one row a group or a single event: stream_id, local_index, component, type, first_offset, last_offset, count, data
//
// local_index numbers a stream's rows from 0 without gaps. Component says what renders the row: the core types in [Components]
// have one of their own and are always single rows; all others are a "group". A group ends where an event of another type comes.
// Data is a JSON array of the row's events as on the wire, the last [MaxEvents] of them, and fewer where they are large.
package feed

import (
	"encoding/json"
	"fmt"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/projection"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// The limits of a row's data.
const (
	// MaxEvents bounds the events that a row keeps: the last ones.
	MaxEvents = 200
	// MaxBytes bounds their text, but for one event.
	MaxBytes = 256 << 10
	// MaxPayloadBytes bounds payload and metadata of an event in it; a larger one is without both, and has their size as
	// "omittedBytes". The table events has them.
	MaxPayloadBytes = 16 << 10
)

// Components are the types with a component of their own.
var Components = map[string]string{
	millpond.TypeCreated:            "stream.created",
	millpond.TypeWoken:              "stream.woken",
	millpond.TypeChildStreamCreated: "stream.child-stream-created",
}

const group = "group"

const schema = `
CREATE TABLE feed (
	stream_id    INTEGER NOT NULL,
	local_index  INTEGER NOT NULL,
	component    TEXT NOT NULL,
	type         TEXT NOT NULL,
	first_offset INTEGER NOT NULL,
	last_offset  INTEGER NOT NULL,
	count        INTEGER NOT NULL,
	data         TEXT NOT NULL,
	PRIMARY KEY (stream_id, local_index)
) STRICT;
CREATE INDEX feed_by_offset ON feed (stream_id, first_offset)`

// Projection is the feed.
func Projection() projection.Projection {
	return projection.Projection{Name: "feed", Version: "1", Consumes: []string{"*"}, Schema: schema, Apply: apply}
}

// row is a row of the feed, and the last one of its stream, to which more may come.
type row struct {
	index       int64
	component   string
	typ         string
	first, last uint64
	count       uint64
	events      [][]byte // the JSON of those that are kept
	bytes       int      // of it
}

func apply(tx *projection.Tx, events []millpond.Event) error {
	last, known := tx.Memory.(*row)
	if !known {
		var err error
		if last, err = load(tx); err != nil {
			return err
		}
	}
	// A run of events is a row, or the continuation of one: each row is written once.
	for len(events) > 0 {
		n := run(events)
		if last.component != group || last.typ != events[0].Type {
			last = &row{index: last.index + 1, component: componentOf(events[0].Type), typ: events[0].Type, first: events[0].Offset}
		}
		last.add(events[:n])
		if err := last.write(tx); err != nil {
			return err
		}
		events = events[n:]
	}
	tx.Memory = last
	return nil
}

// run is how many of the events are of one row.
func run(events []millpond.Event) int {
	n := 1
	if componentOf(events[0].Type) != group {
		return n
	}
	for n < len(events) && events[n].Type == events[0].Type {
		n++
	}
	return n
}

func componentOf(typ string) string {
	if c, ok := Components[typ]; ok {
		return c
	}
	return group
}

// load reads the stream's last row. Before the first it is one that nothing continues.
func load(tx *projection.Tx) (*row, error) {
	r := &row{index: -1}
	err := tx.Query(`SELECT local_index, component, type, first_offset, last_offset, count, data FROM feed
		WHERE stream_id = ? ORDER BY local_index DESC LIMIT 1`,
		func(at sqlite.Stmt) error {
			*r = row{
				index: at.ColumnInt64(0), component: at.ColumnText(1), typ: at.ColumnText(2),
				first: uint64(at.ColumnInt64(3)), last: uint64(at.ColumnInt64(4)), count: uint64(at.ColumnInt64(5)),
			}
			var texts []json.RawMessage
			if err := json.Unmarshal(at.ColumnBlob(6), &texts); err != nil {
				return fmt.Errorf("the data of row %d: %w", r.index, err)
			}
			for _, text := range texts {
				r.keep(text)
			}
			return nil
		}, tx.StreamID)
	return r, err
}

// add takes events of the row's type. Those that would be dropped again are not looked at.
func (r *row) add(events []millpond.Event) {
	r.last = events[len(events)-1].Offset
	r.count += uint64(len(events))
	for i := max(0, len(events)-MaxEvents); i < len(events); i++ {
		r.keep(appendEvent(nil, events[i]))
	}
}

// keep keeps the text of an event, and drops the oldest that are too many.
func (r *row) keep(text []byte) {
	r.events = append(r.events, text)
	r.bytes += len(text)
	for len(r.events) > MaxEvents || r.bytes > MaxBytes && len(r.events) > 1 {
		r.bytes -= len(r.events[0])
		r.events[0] = nil
		r.events = r.events[1:]
	}
}

func appendEvent(dst []byte, e millpond.Event) []byte {
	size := len(e.Payload) + len(e.Metadata)
	if size <= MaxPayloadBytes {
		return e.AppendJSON(dst)
	}
	e.Payload, e.Metadata = nil, nil
	dst = e.AppendJSON(dst)
	return fmt.Appendf(dst[:len(dst)-1], `,"omittedBytes":%d}`, size)
}

func (r *row) write(tx *projection.Tx) error {
	data := make([]byte, 0, r.bytes+len(r.events)+1)
	for i, text := range r.events {
		data = append(append(data, "[,"[min(i, 1)]), text...)
	}
	data = append(data, ']')
	return tx.Exec(`INSERT INTO feed (stream_id, local_index, component, type, first_offset, last_offset, count, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET last_offset = excluded.last_offset, count = excluded.count, data = excluded.data`,
		tx.StreamID, r.index, r.component, r.typ, r.first, r.last, r.count, json.RawMessage(data))
}
