//go:build sim

package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror"
	"github.com/millpond-dev/millpond/mirror/outbox"
	"github.com/millpond-dev/millpond/mirror/query"
	"github.com/millpond-dev/millpond/mirror/sqlite"
	"github.com/millpond-dev/millpond/mirror/sqlite/faultfiles"
)

const databasePath = "mirror.db"

// liveSQL is a query that somebody watches on every mirror.
const liveSQL = `SELECT s.path, s.incarnation, s.offset FROM streams AS s ORDER BY s.path`

// device is where a mirror runs: its disk, which outlives it, and the mirror, while it is open.
type device struct {
	w       *world
	name    string
	rand    *rand.Rand // of the user
	lives   int        // of the mirror
	checks  int        // so far
	sectors *rand.Rand // of the disk
	disk    *faultfiles.Disk
	files   *files         // of the mirror
	mirror  *mirror.Mirror // nil: closed
	streams map[millpond.Name]*mirror.Stream
	closing chan struct{} // closed when the one before is closed; nil: it is
	skew    time.Duration // of the wall clock
	away    bool
	full    bool // the disk is
	blamed  bool // the server may have heard something twice, which is against the protocol
	seqs    map[millpond.Name]int
	appends []*appended
	seen    map[millpond.Name]millpond.Position // that was checked
	watched *query.Result
	dirty   bool // something has come since the last check
}

// appended is an append of a device's user.
type appended struct {
	device  *device
	id      string
	seq     int
	name    millpond.Name
	keys    []string
	meant   millpond.Incarnation // that the user saw; empty: there was no copy
	kept    bool                 // Append has returned nil
	id64    uint64               // in the outbox
	settled bool                 // committed, as Wait has said
	dropped bool
	retried bool // it is meant for whatever the stream is now
}

// files are a disk as one program sees it, which is killed some day.
type files struct {
	disk *faultfiles.Disk
	dead bool
}

func (f *files) Open(name string, kind sqlite.FileKind) (sqlite.File, error) {
	if f.dead {
		return nil, faultfiles.ErrClosed
	}
	return f.disk.Open(name, kind)
}

func (f *files) Delete(name string) error {
	if f.dead {
		return faultfiles.ErrClosed
	}
	return f.disk.Delete(name)
}

func (f *files) Exists(name string) (bool, error) {
	if f.dead {
		return false, faultfiles.ErrClosed
	}
	return f.disk.Exists(name)
}

func newDevice(w *world, i int) *device {
	name := string(rune('A' + i))
	chance := func(of string) *rand.Rand { return rand.New(rand.NewPCG(w.seed, hashOf(name+of))) }
	return &device{w: w, rand: chance("user"), sectors: chance("disk"), name: name, disk: faultfiles.New(),
		seqs: map[millpond.Name]int{}, seen: map[millpond.Name]millpond.Position{}}
}

// open opens the mirror on what the disk has.
func (d *device) open() {
	if d.mirror != nil || d.closing != nil {
		return
	}
	d.lives++ // with a chance of its own: one that is killed may go on for a moment, unseen
	jitter := rand.New(rand.NewPCG(d.w.seed, hashOf(fmt.Sprint(d.name, d.lives))))
	d.files = &files{disk: d.disk}
	m, err := mirror.Open(context.Background(), mirror.Options{
		URL: "http://server", Path: databasePath, Client: d.name, Projections: d.projections(),
	}.In(mirror.World{
		Now: func() time.Time { return time.Now().Add(d.skew) }, Rand: jitter.Float64, Files: d.files, Client: d.w.net.client(d.name),
	}))
	if err != nil {
		if !d.full {
			d.w.fail("%s does not open: %v", d.name, err)
		}
		return
	}
	if p := m.Status().StorageError; p != nil && !d.full {
		d.w.fail("%s was made anew, though its disk keeps what it promises: %+v", d.name, *p)
	}
	d.mirror, d.dirty = m, true
	d.seen = map[millpond.Name]millpond.Position{}
	d.streams = map[millpond.Name]*mirror.Stream{}
	d.watched = nil
	m.Live(liveSQL, nil, func(r *query.Result, err error) {
		if err == nil && d.watched != nil && r.Equal(d.watched) {
			d.w.fail("%s: a live query was told of a result that is equal to the one before", d.name)
		}
		d.watched = r
	})
	for _, name := range d.w.names {
		d.follow(name)
	}
}

func (d *device) follow(name millpond.Name) {
	s, err := d.mirror.Stream(name)
	if err != nil {
		if !d.full {
			d.w.fail("%s cannot follow %s: %v", d.name, name.Path, err)
		}
		return
	}
	d.streams[name] = s
}

// close closes the mirror as its user does.
func (d *device) close() { d.end(d.mirror) }

// kill ends the program that the mirror is in: what it has written is there, or with the power some of what it has not synced
// is not.
func (d *device) kill(power bool) {
	if d.mirror == nil {
		return
	}
	for _, l := range d.w.net.of(d.name) {
		if power && d.rand.IntN(2) == 0 {
			l.silence()
		} else {
			l.cut()
		}
	}
	d.files.dead = true
	if power {
		d.disk.Cut(d.sectors)
	} else {
		d.disk.Kill()
	}
	d.w.net.setAway(d.name, true)
	d.end(d.mirror)
}

// end closes a mirror, which may have lost its disk.
func (d *device) end(m *mirror.Mirror) {
	if m == nil {
		return
	}
	d.mirror, d.streams = nil, nil
	closing := make(chan struct{})
	d.closing = closing
	d.w.ending = append(d.w.ending, closing)
	go func() {
		m.Close()
		d.w.clock.after(1, d.name, func() {
			d.closing = nil
			d.w.net.setAway(d.name, d.away)
		})
		close(closing)
	}()
}

// append appends for the device's user.
func (d *device) append(name millpond.Name, events int) {
	s := d.streams[name]
	if s == nil {
		return
	}
	at, err := d.position(name)
	if err != nil {
		return
	}
	d.seqs[name]++
	a := &appended{device: d, id: fmt.Sprintf("%s%d%s", d.name, d.seqs[name], name.Path), seq: d.seqs[name], name: name, meant: at.Incarnation}
	inputs := make([]millpond.Input, events)
	for i := range inputs {
		key := fmt.Sprintf("%s-%d", a.id, i)
		a.keys = append(a.keys, key)
		payload, _ := json.Marshal(note{ID: a.id, By: d.name, Seq: a.seq, N: i})
		inputs[i] = millpond.Input{Type: d.w.types[d.rand.IntN(len(d.w.types))], Payload: payload, IdempotencyKey: key}
	}
	d.appends = append(d.appends, a)
	waiting, err := s.Append(context.Background(), inputs...)
	d.dirty = true
	if err != nil {
		d.w.trace.add("%s fails to keep append %s", d.name, a.id)
		return
	}
	d.w.trace.add("%s appends %s of %d events", d.name, a.id, events)
	a.kept, a.id64 = true, waiting.ID
	go d.wait(a, waiting)
}

// wait checks what the mirror says of an append.
func (d *device) wait(a *appended, waiting *mirror.Appended) {
	for {
		events, err := waiting.Wait(context.Background())
		switch {
		case err == nil:
			a.settled = true
			for i := range events {
				if len(d.w.ledger.committed(events[i].IdempotencyKey)) == 0 {
					d.w.fail("%s: append %s was acknowledged and is not durable", d.name, a.id)
				}
			}
			return
		case errors.Is(err, mirror.ErrClosed):
			return
		}
		var e *millpond.Error
		if !errors.As(err, &e) || e.Code != millpond.Unavailable {
			return
		}
	}
}

func (d *device) position(name millpond.Name) (at millpond.Position, err error) {
	r, err := d.query("SELECT incarnation, offset, hash FROM streams WHERE namespace = ? AND path = ?", name.Namespace, name.Path)
	if err != nil || len(r.Rows) == 0 {
		return at, err
	}
	return positionOf(r.Rows[0]), nil
}

func positionOf(cells []any) millpond.Position {
	return millpond.Position{Incarnation: millpond.Incarnation(cells[0].(string)), Offset: uint64(cells[1].(int64)), Hash: millpond.Hash(cells[2].(int64))}
}

func (d *device) query(sql string, params ...any) (*query.Result, error) {
	return d.mirror.Query(context.Background(), sql, params...)
}

// troubled is the refused and quarantined appends.
func (d *device) troubled() (list []uint64) {
	r, err := d.query("SELECT DISTINCT append_id FROM outbox WHERE state <> ? ORDER BY append_id", string(outbox.Pending))
	if err != nil {
		return nil
	}
	for _, row := range r.Rows {
		list = append(list, uint64(row[0].(int64)))
	}
	return list
}

// refused notes that the server does not take an append: those behind it may be taken before it is asked for again.
func (d *device) refused(id uint64) {
	for _, a := range d.appends {
		if a.id64 == id {
			d.w.ledger.retry(a.id)
		}
	}
}

// decide has the user retry or drop what did not get through.
func (d *device) decide() {
	for _, id := range d.troubled() {
		for _, a := range d.appends {
			if a.id64 != id {
				continue
			}
			if d.rand.IntN(2) == 0 {
				a.retried = true
				d.w.ledger.retry(a.id)
				err := d.mirror.RetryAppend(context.Background(), id)
				d.w.trace.add("%s retries %s: %v", d.name, a.id, err == nil)
			} else {
				err := d.mirror.DropAppend(context.Background(), id)
				a.dropped = err == nil
				d.w.trace.add("%s drops %s: %v", d.name, a.id, err == nil)
			}
		}
	}
}
