package replica

import (
	"encoding/json"
	"fmt"

	millpond "github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

const insertEvent = `INSERT INTO events
	(stream_id, offset, type, created_at, inserted_at, idempotency_key, source_slug, source_version, hash, metadata, payload)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, jsonb(?), jsonb(?))`

// The parameters of insertEvent.
const (
	paramStream = iota + 1
	paramOffset
	paramType
	paramCreatedAt
	paramInsertedAt
	paramKey
	paramSlug
	paramVersion
	paramHash
	paramMetadata
	paramPayload
)

// rowWriter inserts the events of a batch. SQLite keeps what is bound from one row to the next, so it binds only what
// differs: most events of a batch share their type, and have neither metadata nor source.
type rowWriter struct {
	stmt    sqlite.Stmt
	typ     string // bound; empty: none
	present uint   // bit set of the optional parameters that are bound to something
	err     error  // the first failure to bind
}

// begin starts a batch. What an earlier one has bound is forgotten.
func (w *rowWriter) begin(streamID, insertedAt int64) error {
	w.typ, w.present, w.err = "", 0, nil
	w.bound(w.stmt.ClearBindings())
	w.bound(w.stmt.BindInt64(paramStream, streamID))
	w.bound(w.stmt.BindInt64(paramInsertedAt, insertedAt))
	return w.err
}

// insert writes one event, which has the log hash after it.
func (w *rowWriter) insert(e *millpond.Event, hash millpond.Hash) error {
	w.bound(w.stmt.BindInt64(paramOffset, int64(e.Offset)))
	w.bound(w.stmt.BindInt64(paramCreatedAt, e.CreatedAt.UnixMicro()))
	w.bound(w.stmt.BindInt64(paramHash, int64(hash)))
	if w.typ != e.Type {
		w.bound(w.stmt.BindText(paramType, e.Type))
		w.typ = e.Type
	}
	w.text(paramKey, e.IdempotencyKey)
	if s := e.Source; s != nil {
		w.text(paramSlug, s.Processor.Slug)
		w.text(paramVersion, s.Processor.Version)
	} else {
		w.text(paramSlug, "")
		w.text(paramVersion, "")
	}
	w.json(paramMetadata, e.Metadata)
	w.json(paramPayload, e.Payload)
	if w.err != nil {
		return w.err
	}
	if err := w.stmt.Exec(); err != nil {
		if bad := invalidJSON(e); bad != "" { // looked for only now: the server has validated it
			return fmt.Errorf("%w: its %s is not JSON: %w", ErrRecord, bad, err)
		}
		return err
	}
	return nil
}

func (w *rowWriter) text(param int, value string) {
	if w.needs(param, value != "") {
		w.bound(w.stmt.BindText(param, value))
	}
}

func (w *rowWriter) json(param int, value json.RawMessage) {
	if w.needs(param, value != nil) {
		w.bound(w.stmt.BindRawText(param, value))
	}
}

// needs reports whether an optional parameter must be bound to a value, and binds an absent one to NULL unless it is.
func (w *rowWriter) needs(param int, present bool) bool {
	bit := uint(1) << param
	if present {
		w.present |= bit
		return true
	}
	if w.present&bit != 0 {
		w.present &^= bit
		w.bound(w.stmt.BindNull(param))
	}
	return false
}

func (w *rowWriter) bound(err error) {
	if w.err == nil {
		w.err = err
	}
}

func invalidJSON(e *millpond.Event) string {
	switch {
	case e.Payload != nil && !json.Valid(e.Payload):
		return "payload"
	case e.Metadata != nil && !json.Valid(e.Metadata):
		return "metadata"
	}
	return ""
}
