package sqlite

import (
	"encoding/json"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/store"
)

// chain is how far a stream's log has been followed.
type chain struct {
	head   *store.Head
	offset uint64
	hash   millpond.Hash
	lost   bool // the chain is broken: what follows is not compared with it
	latest millpond.Event
}

// stream follows the log of a stream from its first record to its head.
func (k *checker) stream(log *sqlite3.Stmt, id int64, head *store.Head) error {
	if err := head.Stream.Name.Validate(); err != nil {
		k.broken(head, 0, "name", "its name breaks the rules: "+err.Error())
	}
	if err := log.BindInt64(1, id); err != nil {
		return err
	}
	c := &chain{head: head}
	err := rows(log, func(row *sqlite3.Stmt) error {
		data, err := k.whole(row)
		if err != nil {
			return err
		}
		k.record(c, row, data)
		k.progress()
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case c.offset != head.Offset:
		k.broken(head, c.offset, "offsets", fmt.Sprintf("its log ends at offset %d, its head says %d", c.offset, head.Offset))
	case c.hash != head.Hash && !c.lost:
		k.broken(head, c.offset, "hash-chain", fmt.Sprintf("the hash of its log is %v, its head says %v", c.hash, head.Hash))
	}
	if k.opts.Snapshot != nil && head.Snapshot.Data != nil {
		if err := k.opts.Snapshot(*head); err != nil {
			k.report.Add(Problem{Severity: Warning, Check: "snapshot", Stream: head.Stream.Name.String(),
				Message: "its snapshot cannot be used: " + err.Error(), Advice: "nothing to do: the server makes the state again from the log"})
		}
	}
	return nil
}

// whole is the record of a row, with its parts. One of which some are missing is shorter than it was, which its hash tells.
func (k *checker) whole(row *sqlite3.Stmt) ([]byte, error) {
	if row.ColumnType(4) == sqlite3.NULL {
		return row.ColumnRawBlob(3), nil
	}
	data := row.ColumnBlob(3, nil)
	if err := k.parts.BindInt64(1, row.ColumnInt64(5)); err != nil {
		return nil, err
	}
	err := rows(k.parts, func(part *sqlite3.Stmt) error {
		data = append(data, part.ColumnRawBlob(0)...)
		return nil
	})
	return data, err
}

// record checks a record against the one before it, and against its own row.
func (k *checker) record(c *chain, row *sqlite3.Stmt, data []byte) {
	offset, hash, key := uint64(row.ColumnInt64(0)), millpond.Hash(row.ColumnInt64(1)), row.ColumnText(2)
	k.report.Events++
	if offset != c.offset+1 {
		k.broken(c.head, c.offset+1, "offsets", fmt.Sprintf("after offset %d comes %d", c.offset, offset))
		c.lost = true
	}
	if next := c.hash.Next(data); next != hash && !c.lost {
		k.broken(c.head, offset, "hash-chain", fmt.Sprintf("its record has been changed, or one before it: the hash is %v and not %v", next, hash))
		c.lost = true
	}
	c.offset, c.hash = offset, hash
	before := c.latest.CreatedAt
	var e millpond.Event
	if err := millpond.DecodeRecord(data, &e); err != nil {
		k.broken(c.head, offset, "record", "its record cannot be read: "+err.Error())
		return
	}
	c.latest.CreatedAt = e.CreatedAt
	switch {
	case e.Offset != offset:
		k.broken(c.head, offset, "record", fmt.Sprintf("its record says that its offset is %d", e.Offset))
	case e.IdempotencyKey != key:
		k.broken(c.head, offset, "idempotency-key", fmt.Sprintf("its record has the idempotency key %q, the index has %q", e.IdempotencyKey, key))
	case e.CreatedAt.Before(before):
		k.broken(c.head, offset, "record", "it is older than the event before it")
	case offset == 1:
		k.first(c.head, &e)
	}
}

// first checks the event that begins a stream.
func (k *checker) first(head *store.Head, e *millpond.Event) {
	var p millpond.CreatedPayload
	switch {
	case e.Type != millpond.TypeCreated || json.Unmarshal(e.Payload, &p) != nil:
		k.broken(head, 1, "created", "its first event is not "+millpond.TypeCreated)
	case p.Namespace != head.Stream.Name.Namespace || p.Path != head.Stream.Name.Path:
		k.broken(head, 1, "created", fmt.Sprintf("its first event is that of the stream %s:%s", p.Namespace, p.Path))
	case millpond.IncarnationOf(e.CreatedAt) != head.Stream.Incarnation:
		k.broken(head, 1, "created", fmt.Sprintf("its incarnation is %s, and its first event of %s", head.Stream.Incarnation, millpond.IncarnationOf(e.CreatedAt)))
	}
}

func (k *checker) broken(head *store.Head, offset uint64, check, message string) {
	k.report.Add(Problem{Severity: Broken, Check: check, Stream: head.Stream.Name.String(), Offset: offset, Message: message, Advice: restore})
}

func (k *checker) progress() {
	if k.done++; k.opts.Progress != nil && k.done%checkProgressEvents == 0 {
		k.opts.Progress(k.done, k.total)
	}
}
