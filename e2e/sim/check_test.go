//go:build sim

package sim

import (
	"fmt"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
	"github.com/millpond-dev/millpond/mirror/outbox"
)

// check looks at a mirror: it must be an exact prefix of a log that was durable, and nothing that was appended to it may be lost.
func (d *device) check() {
	if d.mirror == nil {
		return
	}
	d.dirty = false
	if err := d.checkCopies(); err != nil {
		d.w.fail("%s: %v", d.name, err)
	}
	if err := d.checkOutbox(); err != nil {
		d.w.fail("%s: %v", d.name, err)
	}
	if d.checks++; d.checks%20 == 0 || d.w.chaos.over {
		if err := d.checkProjections(); err != nil {
			d.w.fail("%s: %v", d.name, err)
		}
	}
	d.checkLinks()
	if s := d.mirror.Status(); s.Storage != mirror.StorageFile {
		d.w.fail("%s has left its files: %s", d.name, d.status())
	}
}

func (d *device) checkCopies() error {
	r, err := d.query(`SELECT s.incarnation, s.offset, s.hash, s.max_offset, s.id, s.path, s.namespace,
		(SELECT count(*) FROM events WHERE stream_id = s.id) FROM streams AS s`)
	if err != nil {
		return d.excused(err)
	}
	for _, row := range r.Rows {
		name := millpond.Name{Namespace: row[6].(string), Path: row[5].(string)}
		at := positionOf(row)
		if count := uint64(row[7].(int64)); count != at.Offset {
			return fmt.Errorf("%s is at offset %d and has %d events; %s", name.Path, at.Offset, count, d.status())
		}
		if err := d.checkCopy(name, row[4].(int64), at); err != nil {
			return err
		}
		if at != d.seen[name] {
			d.w.trace.add("%s has %s to %d", d.name, name.Path, at.Offset)
		}
		d.seen[name] = at
	}
	return nil
}

// checkCopy compares the rows of a stream with the log, those that are new since the last time or, of another log, all.
func (d *device) checkCopy(name millpond.Name, id int64, at millpond.Position) error {
	before := d.seen[name]
	if at == before {
		return nil
	}
	n := d.w.ledger.find(name, at)
	if n == nil {
		return fmt.Errorf("%s is at offset %d of %s with hash %s, which no durable log has", name.Path, at.Offset, at.Incarnation, at.Hash)
	}
	after := before.Offset
	if before.Incarnation != at.Incarnation || !n.follows(before) {
		after = 0
	}
	r, err := d.query(`SELECT offset, hash, type, idempotency_key, json(payload), created_at FROM events
		WHERE stream_id = ? AND offset > ? ORDER BY offset DESC`, id, int64(after))
	if err != nil {
		return d.excused(err)
	}
	if len(r.Rows) != int(at.Offset-after) {
		return fmt.Errorf("%s has %d events after %d, its position is %d", name.Path, len(r.Rows), after, at.Offset)
	}
	for _, row := range r.Rows {
		key, _ := row[3].(string)
		payload, _ := row[4].(string)
		e := &n.event
		if uint64(row[0].(int64)) != e.Offset || millpond.Hash(row[1].(int64)) != n.hash || row[2].(string) != e.Type ||
			key != e.IdempotencyKey || payload != string(e.Payload) || row[5].(int64) != e.CreatedAt.UnixMicro() {
			return fmt.Errorf("%s has %v, the log has %+v with hash %s", name.Path, row, *e, n.hash)
		}
		n = n.parent
	}
	return nil
}

// follows reports whether the log up to the node goes on from the position.
func (n *node) follows(at millpond.Position) bool {
	for ; n != nil && n.event.Offset >= at.Offset; n = n.parent {
		if n.event.Offset == at.Offset {
			return n.hash == at.Hash
		}
	}
	return at.Offset == 0
}

// excused is nil for what may fail.
func (d *device) excused(err error) error {
	if d.full {
		return nil
	}
	return err
}

// checkOutbox: what was kept is in the outbox until the server has it.
func (d *device) checkOutbox() error {
	r, err := d.query("SELECT append_id, idempotency_key, state FROM outbox")
	if err != nil {
		return d.excused(err)
	}
	waiting := map[string]string{}
	for _, row := range r.Rows {
		waiting[row[1].(string)] = row[2].(string)
	}
	for _, a := range d.appends {
		for _, key := range a.keys {
			if _, waits := waiting[key]; a.kept && !a.dropped && !waits && len(d.w.ledger.committed(key)) == 0 {
				return fmt.Errorf("append %s was kept, and is neither in the outbox nor with the server", a.id)
			}
			for _, n := range d.w.ledger.committed(key) {
				if a.meant != "" && n.incarnation != a.meant && !a.retried {
					return fmt.Errorf("append %s was meant for %s, and is in %s", a.id, a.meant, n.incarnation)
				}
			}
		}
	}
	return nil
}

// checkLinks: a mirror has one connection. What is left of older ones is closing, or nobody has told the mirror.
func (d *device) checkLinks() {
	open := 0
	for _, l := range d.w.net.of(d.name) {
		l.mu.Lock()
		if !l.up.ended && !l.closing() {
			open++
		}
		l.mu.Unlock()
	}
	if open > 1 {
		d.w.fail("%s has %d connections", d.name, open)
	}
}

// pending is how many events of the outbox the server may still have to get.
func (d *device) pending() (n int) {
	r, err := d.query("SELECT count(*) FROM outbox WHERE state = ?", string(outbox.Pending))
	if err != nil {
		return -1
	}
	return int(r.Rows[0][0].(int64))
}
