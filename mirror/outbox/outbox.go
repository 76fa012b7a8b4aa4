package outbox

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/mirror/sqlite"
)

// State is what happens to an append.
type State string

// The states, as the table has them.
const (
	// Pending: it is sent as soon as there is a connection, and again until its events have come back.
	Pending State = "pending"
	// Refused: the server will not take it; the problem says why.
	Refused State = "refused"
	// Quarantined: the stream is another one now than that which it was made for.
	Quarantined State = "quarantined"
)

// Append is a batch of events for one stream, appended as a whole or not at all.
type Append struct {
	ID          uint64 // grows from one append to the next, and is never used again
	Name        millpond.Name
	Incarnation millpond.Incarnation // of the copy that its user saw; empty: there was none
	State       State
	Problem     *millpond.Error // why it is refused or quarantined
	CreatedAt   time.Time       // this machine's clock, to the microsecond
	Events      []byte          // the JSON array of the inputs, as they are sent; each has an idempotency key
}

// Options of an outbox. The zero value works.
type Options struct {
	// Now is the clock of created_at. Default: time.Now.
	Now func() time.Time
}

// Outbox is the appends of a mirror that the server may not have yet.
type Outbox struct {
	conn sqlite.Conn
	now  func() time.Time
	stmt statements

	// keys are the idempotency keys of all rows: most events that arrive are not in it, and cost a look-up here instead of one
	// in the table. nil after a failure: read again at the next use.
	keys   map[key]row
	left   map[uint64]int        // how many rows each append has
	names  map[millpond.Name]int // and each stream
	counts Counts
	bytes  int // of the text of all inputs

	batch   batch                       // that is being applied
	outcome Outcome                     // of those that were
	arrived map[uint64][]millpond.Event // of appends of which some events have come back, and others have not
}

// row is what is known of a row without reading it.
type row struct {
	append uint64
	state  State
	bytes  int
}

type key struct {
	name millpond.Name
	key  string
}

// Counts are how many events are in each state.
type Counts struct {
	Pending     int `json:"pending"`
	Refused     int `json:"refused"`
	Quarantined int `json:"quarantined"`
}

func (c *Counts) of(s State) *int {
	switch s {
	case Refused:
		return &c.Refused
	case Quarantined:
		return &c.Quarantined
	}
	return &c.Pending
}

// The errors of those who call.
var (
	// ErrFull: the outbox is at its bounds. Wait until some have been sent, or drop some.
	ErrFull = errors.New("the outbox is full")
	// ErrNotFound: there is no such append, or it is not in a state for that.
	ErrNotFound = errors.New("no such append in the outbox")
)

// Open opens the outbox of a database that has the [Schema]. It uses conn and does not close it.
func Open(conn sqlite.Conn, options Options) (*Outbox, error) {
	o := &Outbox{conn: conn, now: options.Now, arrived: map[uint64][]millpond.Event{}}
	if o.now == nil {
		o.now = time.Now
	}
	err := o.stmt.prepare(conn)
	if err == nil {
		err = o.load()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open outbox: %w", err), o.Close())
	}
	return o, nil
}

// Close lets go of the connection, which stays open. A closed outbox must not be used.
func (o *Outbox) Close() error { return o.stmt.close() }

// Counts are how many events there are in each state.
func (o *Outbox) Counts() (Counts, error) {
	err := o.load()
	return o.counts, err
}

// load reads the keys, unless they are known. It is not for within a transaction: see loadWithin.
func (o *Outbox) load() error {
	if o.keys == nil && o.conn.InTransaction() { // what is left of one that could not be rolled back before
		if err := o.stmt.rollback.Exec(); err != nil {
			return fmt.Errorf("read the outbox: %w", err)
		}
	}
	return o.loadWithin()
}

// loadWithin is load where a transaction may be open that is to stay open.
func (o *Outbox) loadWithin() error {
	if o.keys != nil {
		return nil
	}
	o.keys, o.left, o.names, o.counts, o.bytes = map[key]row{}, map[uint64]int{}, map[millpond.Name]int{}, Counts{}, 0
	err := sqlite.Each(o.stmt.keys, func(r sqlite.Stmt) error {
		name := millpond.Name{Namespace: r.ColumnText(1), Path: r.ColumnText(2)}
		o.remember(key{name, r.ColumnText(3)}, row{uint64(r.ColumnInt64(0)), State(r.ColumnText(4)), int(r.ColumnInt64(5))})
		return nil
	})
	if err != nil {
		o.keys = nil
		return fmt.Errorf("read the outbox: %w", err)
	}
	return nil
}

func (o *Outbox) remember(k key, r row) {
	o.keys[k] = r
	o.left[r.append]++
	o.names[k.name]++
	*o.counts.of(r.state)++
	o.bytes += r.bytes
}

// forget is remember's undoing. It reports whether the append has no rows left.
func (o *Outbox) forget(k key) (last bool) {
	r := o.keys[k]
	delete(o.keys, k)
	*o.counts.of(r.state)--
	o.bytes -= r.bytes
	if o.names[k.name]--; o.names[k.name] == 0 {
		delete(o.names, k.name)
	}
	if o.left[r.append]--; o.left[r.append] == 0 {
		delete(o.left, r.append)
		return true
	}
	return false
}

// Add makes an append durable and returns its id. When it has returned, a power cut does not lose it. Each input needs an
// idempotency key. The same keys as those of an append that is there already are that append: its id is returned, and
// nothing is added; some of them, or those of several, are an error.
func (o *Outbox) Add(name millpond.Name, incarnation millpond.Incarnation, inputs []millpond.Input) (id uint64, err error) {
	if err := o.load(); err != nil {
		return 0, err
	}
	if id, err = o.known(name, inputs); id != 0 || err != nil {
		return id, err
	}
	size := 0
	texts := make([][]byte, len(inputs))
	for i := range inputs {
		in := inputs[i]
		in.Incarnation = "" // is the append's, and may become another one
		texts[i] = in.AppendJSON(nil)
		size += len(texts[i])
	}
	if len(o.keys)+len(inputs) > MaxEvents || o.bytes+size > MaxBytes {
		return 0, fmt.Errorf("%w: %d events wait for the server, %d of them refused or quarantined", ErrFull, len(o.keys),
			o.counts.Refused+o.counts.Quarantined)
	}
	err = o.durably(func() error {
		for i := range inputs {
			row, err := o.insert(id, name, incarnation, inputs[i].IdempotencyKey, texts[i])
			if err != nil {
				return err
			}
			if i == 0 {
				id = row
			}
		}
		return o.exec(o.stmt.nameAppend, func(s sqlite.Stmt) error { return s.BindInt64(1, int64(id)) })
	})
	if err != nil {
		return 0, fmt.Errorf("keep the append: %w", err)
	}
	for i := range inputs {
		o.remember(key{name, inputs[i].IdempotencyKey}, row{id, Pending, len(texts[i])})
	}
	return id, nil
}

// known is the id of the append that has exactly the keys of the inputs; 0 when none of them is known.
func (o *Outbox) known(name millpond.Name, inputs []millpond.Input) (id uint64, err error) {
	found := map[uint64]int{} // by append
	seen := make(map[string]bool, len(inputs))
	for i := range inputs {
		k := inputs[i].IdempotencyKey
		if k == "" || seen[k] {
			return 0, &millpond.Error{Code: millpond.InvalidEvent, Field: "idempotencyKey",
				Message: "each event of an append needs one of its own"}
		}
		seen[k] = true
		if r, ok := o.keys[key{name, k}]; ok {
			id = r.append
			found[id]++
		}
	}
	if len(found) > 1 || found[id] != 0 && (found[id] != len(inputs) || found[id] != o.left[id]) {
		return 0, &millpond.Error{Code: millpond.InvalidEvent, Field: "idempotencyKey",
			Message: "it is that of another append that still waits: choose another, or append the same events as then"}
	}
	return id, nil
}

func (o *Outbox) insert(id uint64, name millpond.Name, incarnation millpond.Incarnation, key string, input []byte) (row uint64, err error) {
	s := o.stmt.insert
	err = o.exec(s, func(s sqlite.Stmt) error {
		return cmp.Or(
			s.BindInt64(1, int64(id)),
			s.BindText(2, name.Namespace),
			s.BindText(3, name.Path),
			bindOptional(s, 4, string(incarnation)),
			s.BindInt64(5, o.now().UnixMicro()),
			s.BindText(6, key),
			s.BindRawText(7, input),
		)
	})
	return uint64(o.conn.LastInsertRowID()), err
}

// Get is an append. It fails with ErrNotFound when it is not there, or no more.
func (o *Outbox) Get(id uint64) (Append, error) {
	list, err := o.read(o.stmt.one, func(s sqlite.Stmt) error { return s.BindInt64(1, int64(id)) }, 1)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Append{}, fmt.Errorf("append %d: %w", id, err)
	}
	return list[0], nil
}

// Next is the pending appends that come after an id, in order, at most limit of them, and no more than about so many bytes
// of events, but one when there is one.
func (o *Outbox) Next(after uint64, limit, bytes int) ([]Append, error) {
	var list []Append
	for size := 0; len(list) < limit && size < bytes; {
		next, err := o.read(o.stmt.next, func(s sqlite.Stmt) error { return s.BindInt64(1, int64(after)) }, 1)
		if err != nil || len(next) == 0 {
			return list, err
		}
		after = next[0].ID
		size += len(next[0].Events)
		list = append(list, next[0])
	}
	return list, nil
}

// Troubled is all appends that are refused or quarantined, in order.
func (o *Outbox) Troubled() ([]Append, error) {
	return o.read(o.stmt.troubled, func(sqlite.Stmt) error { return nil }, MaxEvents)
}

// read makes appends of rows that are ordered by append, at most limit of them.
func (o *Outbox) read(stmt sqlite.Stmt, bind func(sqlite.Stmt) error, limit int) (list []Append, err error) {
	if err := bind(stmt); err != nil {
		return nil, err
	}
	err = sqlite.Each(stmt, func(row sqlite.Stmt) error {
		id := uint64(row.ColumnInt64(0))
		if len(list) == 0 || list[len(list)-1].ID != id {
			if len(list) == limit {
				return nil
			}
			list = append(list, appendOf(id, row))
		}
		a := &list[len(list)-1]
		a.Events = appendInput(append(a.Events, separator(len(a.Events))), a.Incarnation, row.ColumnText(8))
		return nil
	})
	for i := range list {
		list[i].Events = append(list[i].Events, ']')
	}
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return list, nil
}

// appendInput appends an input that is kept without the incarnation that it is meant for, with it.
func appendInput(dst []byte, incarnation millpond.Incarnation, input string) []byte {
	if planted == "send an outbox row twice" {
		input = anew(input)
	}
	if incarnation == "" || planted == "forget the incarnation precondition" {
		return append(dst, input...)
	}
	dst = append(dst, incarnationField...)
	dst = append(dst, incarnation...)
	return append(append(dst, `",`...), input[len("{"):]...)
}

const incarnationField = `{"incarnation":"`

func separator(written int) byte {
	if written == 0 {
		return '['
	}
	return ','
}

func appendOf(id uint64, row sqlite.Stmt) Append {
	a := Append{
		ID:          id,
		Name:        millpond.Name{Namespace: row.ColumnText(1), Path: row.ColumnText(2)},
		Incarnation: millpond.Incarnation(row.ColumnText(3)),
		State:       State(row.ColumnText(4)),
		CreatedAt:   time.UnixMicro(row.ColumnInt64(5)).UTC(),
	}
	if code := row.ColumnText(6); code != "" {
		a.Problem = &millpond.Error{Code: millpond.ErrorCode(code), Message: row.ColumnText(7)}
	}
	return a
}
